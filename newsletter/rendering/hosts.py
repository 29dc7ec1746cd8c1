"""Where the links of a paper may lead; knows nothing of how a link is shown."""

from collections.abc import Collection
from urllib.parse import unquote, urlsplit

from newsletter.models import Paper

# Where papers, code, data and models are kept, and the pages that these places give to projects; names below them too.
KNOWN = frozenset(
    {
        "4open.science",
        "aclanthology.org",
        "alphaxiv.org",
        "arxiv.org",
        "biorxiv.org",
        "bitbucket.org",
        "bitbucket.io",
        "codeberg.org",
        "codeberg.page",
        "doi.org",
        "figshare.com",
        "gitee.com",
        "github.com",
        "github.io",
        "gitlab.com",
        "gitlab.io",
        "hf.co",
        "hf.space",
        "huggingface.co",
        "kaggle.com",
        "medrxiv.org",
        "modelscope.cn",
        "openreview.net",
        "osf.io",
        "paperswithcode.com",
        "pypi.org",
        "semanticscholar.org",
        "softwareheritage.org",
        "sourceforge.net",
        "sr.ht",
        "zenodo.org",
    }
)


class Hosts:
    """The hosts that links of papers may lead to: those that are known, and `more`; names below each of them too."""

    def __init__(self, more: Collection[str] = ()) -> None:
        self._known = KNOWN | {one.lower().removeprefix("www.") for one in more}

    def may_lead(self, paper: Paper, address: str) -> bool:
        """Tell whether a link of a paper may lead to an address.

        What its source gave as an address of the paper may be linked. What stands in the abstract is its authors' word:
        that may if it is on a host of the source, of a known place, or of the operator's list.
        """
        name = host(address)
        # By the host alone, since there is more than one way to write the rest.
        if name not in paper.abstract.casefold():
            return True
        return any(name == one or name.endswith(f".{one}") for one in (*self._known, host(paper.url or "")) if one)


def host(address: str) -> str:
    """Return the host of an address of the web without `www.`, or an empty string."""
    try:
        return unquote(urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
