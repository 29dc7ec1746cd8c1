"""The addresses in a mail that are one reader's own."""

import re
from typing import NamedTuple

PAGES = ("settings", "pause", "web")
_PAUSE = ("pause",)

_SCHEMES = ("https://", "http://", "mailto:")
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"\\\x00-\x20\x7f]+")

# What each mail has is a tuple: a dataclass that nobody can change takes several times as long to make.


class Ends(NamedTuple):
    """How the links to say something of a paper end, the same in all mails; an empty `save` is no link."""

    more: str
    less: str
    save: str = ""


class Feedback(NamedTuple):
    """The links to say more or less of a paper: each a beginning, the mark of the paper in the mail, and an end.

    The beginnings are the reader's own and the same for all papers of a mail, the ends are the same in all mails; the
    `marks`, of letters, digits and dashes, are those of its papers in their order.
    Without a beginning there are no such links. Those with an end lead to pages, and a page lets say the other as well;
    those without begin a mail that says one thing. A link to save a paper begins as that to more.
    """

    more: str = ""
    less: str = ""
    more_end: str = ""
    less_end: str = ""
    save_end: str = ""
    marks: tuple[str, ...] = ()

    @property
    def ends(self) -> Ends | None:
        """The ends, or None if there are no such links."""
        return Ends(self.more_end, self.less_end, self.save_end) if self.more else None


NO_FEEDBACK = Feedback()


def leads_to_pages(ends: Ends | None) -> bool:
    """Tell whether links for feedback with these ends lead to pages, so that one of them is enough to say either."""
    return ends is not None and bool(ends.more and ends.less)


class Links(NamedTuple):
    """The addresses that are one reader's own: http, https or mailto; all but `unsubscribe` may be empty.

    `settings` and `pause` lead to the reader's pages, `web` to the mail as a page, `feedback` to say what they think of
    a paper.
    """

    unsubscribe: str
    settings: str = ""
    pause: str = ""
    web: str = ""
    feedback: Feedback = NO_FEEDBACK

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the pages that are there."""
        _, settings, pause, web, _ = self
        if settings or web:
            return tuple([name for name, link in zip(PAGES, (settings, pause, web), strict=True) if link])
        return _PAUSE if pause else ()

    def checked(self) -> dict[str, str]:
        """Return those that are there by their names; raises ValueError for one that is no link."""
        unsubscribe, settings, pause, web, feedback = self
        found = {"unsubscribe": unsubscribe}
        found |= {name: link for name, link in zip(PAGES, (settings, pause, web), strict=True) if link}
        if feedback.more:
            found["more"], found["less"] = feedback.more, feedback.less
            if not (marks := "".join(feedback.marks).replace("-", "")).isalnum() or not marks.isascii():
                raise ValueError("a link for feedback has a mark that no link has")
        plain = _is_plain("".join(found.values()))
        for name, link in found.items():
            if not ((plain and link.startswith(_SCHEMES) and link not in _SCHEMES) or _LINK.fullmatch(link)):
                raise ValueError(f"{name} is no http, https or mailto link")
        return found


def _is_plain(text: str) -> bool:
    # What of ASCII the pattern lets into a link; to ask it takes ten times as long, and each mail has five.
    return (
        text.isascii()
        and text.isprintable()
        and " " not in text
        and "<" not in text
        and ">" not in text
        and '"' not in text
        and "\\" not in text
    )
