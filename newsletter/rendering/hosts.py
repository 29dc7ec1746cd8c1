"""Where the links of a paper may lead; knows nothing of how a link is shown."""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
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


_CODED = re.compile(r"(?<![a-z0-9-])xn--([a-z0-9-]+)", re.IGNORECASE)
# No host has these, in whatever way they are written (URL Standard, section 3.1).
_FORBIDDEN = re.compile(r"[\s/?#@\\%<>^|]")
# Browsers take these for the dot of a host (UTS 46 section 4, RFC 3490 section 3.1).
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")


class Hosts:
    """The hosts that links of papers may lead to: those that are known, and `more`; names below each of them too."""

    def __init__(self, more: Collection[str] = ()) -> None:
        self._known = KNOWN | {_decoded(one.lower()).removeprefix("www.") for one in more}

    def may_lead(self, paper: Paper, address: str, *, said: bool = False) -> bool:
        """Tell whether a link of a paper may lead to an address, of which no source said more than that it was `said`.

        What its source gave as an address of the paper may be linked. What an abstract or a comment says, be it that of
        another source or of earlier, is its authors' word, and so is what stands in the abstract of now: that may if it
        is on a host of the source, of a known place, or of the operator's list.
        """
        name = host(address)
        # By the host alone, since there is more than one way to write the rest; and both in one folding, since there is
        # more than one way to write a host.
        if not said and _folded(name) not in _folded(unquote(paper.abstract)):
            return True
        return any(name == one or name.endswith(f".{one}") for one in (*self._known, host(paper.url or "")) if one)


def host(address: str) -> str:
    """Return the host of an address of the web without `www.`, in letters of its language, or an empty string."""
    try:
        name = unquote(urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
    return "" if _FORBIDDEN.search(name) else _decoded(name).removeprefix("www.")


def _decoded(text: str) -> str:
    """Return a text with the names of hosts that are coded in ASCII (RFC 5890 section 2.3.2.1) as people read them."""
    return _CODED.sub(_label, text)


def _label(match: re.Match[str]) -> str:
    try:
        label = match[1].encode().decode("punycode")
    except ValueError:
        return match[0]
    # What is ASCII already is no such name, and stands for no other.
    return match[0] if label.isascii() else label


@lru_cache(maxsize=64)
def _folded(text: str) -> str:
    """Return a text so that all ways to write a host, and some hosts that only look alike, are the same.

    That is too much for a list of what may be linked: a host with an ss is not that with an ß.
    """
    plain = _decoded(text.translate(_DOTS))
    if plain.isascii():
        # Of these letters all else leaves nothing but the case; and most abstracts have no others.
        return plain.lower()
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
    return "".join(one for one in plain if unicodedata.category(one) != "Cf")
