"""What each page shows in a trial at the start, so that a wrong template is told then and not to a reader."""

from datetime import UTC, date, datetime
from typing import Any

from newsletter.rendering.paper import Entry

_PAPER = Entry("A title", "ltr", "https://example.org/", False, "A, B", "", (), "", "ltr", ())
_SUCCESS = {"sent": 1, "welcome": 1}
_FIGURES = {
    "at": datetime(2026, 1, 1, tzinfo=UTC),
    "subscribers": 1,
    "outside": _SUCCESS,
    "inside": _SUCCESS,
    "charts": (
        {
            "name": "mail",
            "kind": "bars",
            "empty": False,
            "columns": ("sent",),
            "drawn": ("sent", "failed"),
            "rows": (("a day", (1, None)),),
        },
    ),
    "sources": (
        {
            "title": "",
            "location": "a",
            "last_success_at": None,
            "next_poll_at": None,
            "gone_at": None,
            "last_fault": "",
        },
    ),
}
_ROW = {"paper": _PAPER, "id": 1, "issue": 1, "position": 1, "said": "more", "reason": "", "names": [("A", True)]}
_FILES = {"bib": "/", "ris": "/"}
# fmt: off
SAMPLES: dict[str, dict[str, Any]] = {
    "unsubscribe": {"action": "/", "stage": "left", "may_return": True, "may_tell": True, "longest": 1, "pause": "/"},
    "pause": {"action": "/", "stage": "ask", "paused": True, "until": None, "best": True, "unsubscribe": "/"},
    "entrance": {"path": "/", "form": "", "wrong": "form", "by_password": True},
    "operator": {
        "path": "/",
        "form": "",
        "by_password": True,
        "draws": True,
        "days": 30,
        "spans": (30, 90),
        "found": _FIGURES,
    },
    "operator_mail": {
        "path": "/", "form": "", "by_password": True, "fault": "", "kinds": (("issue", "An issue"),),
        "looks": ("plain",), "languages": {"en": "English"}, "asked": {"kind": "", "look": "", "language": ""},
        "token": "a", "mail": {"subject": "A", "html": "a", "reader": "a", "obstacles": ("paused",)},
    },
    "feedback": {
        "action": "/", "stage": "ask", "verdict": "more", "said": "less", "before": "", "paper": _PAPER,
        "names": [("A", False)], "author": "", "files": _FILES,
    },
    "papers": {
        "action": "/", "here": "/", "acting": "/", "asked": {"q": "", "said": "", "issue": None, "paper": None},
        "days": [((1, date(2026, 3, 2)), [_ROW])], "spoken": _ROW, "aside": False, "stage": "more", "older": "/",
        "newest": "", "files": _FILES, "feeds": {"atom": "/", "json": "/"}, "settings": "/",
        "mails": "/", "lost": "/",
    },
    "mail": {"action": "/", "papers": "/"},
    "data": {"action": "/", "stage": "ask", "file": "/"},
    "archive": {"here": "/", "days": [(date(2026, 3, 2), "/")], "older": "", "feed": "/"},
    "day": {"here": "/", "day": date(2026, 3, 2), "papers": [_PAPER]},
    "consent": {},
    "subscribe": {
        "action": "/",
        "stage": "ask",
        "faults": (),
        "asked": dict.fromkeys(("email", "words", "cadence", "hour", "timezone", "language"), ""),
        "topics": (),
        "found": (),
        "search": "",
        "searched": False,
        "more": 1,
        "cadences": (),
        "hours": (),
        "zones": {},
        "languages": (),
        "form": "",
        "example": "",
        "script": "/",
        "minutes": 1,
        "chosen": True,
        "days": 1,
    },
    "confirm": {"action": "/", "stage": "ask", "topics": (), "rhythm": "", "subscribe": "/", "at_once": True},
    "fault": {"kind": "old", "days": 1, "lost": "/", "subscribe": "/"},
    "address": {"action": "/", "stage": "ask", "typed": "", "fault": "same", "before": ""},
    "lost": {"action": "/", "stage": "ask", "typed": "", "fault": "address", "form": "a"},
    "settings": {
        "action": "/", "stage": "wrong", "group": "topics", "wishes": {
            "language": "en", "timezone": "UTC", "cadence": "weekly:mon", "hour": 7, "papers": 5, "minutes": None,
            "bar": "normal", "look": "plain", "best_missed": True,
        },
        "topics": ({"name": "a", "label": "A", "weight": 1.0, "dropped": False},),
        "lists": {"authors": "A", "muted_authors": "", "muted_words": "", "searches": ""},
        "catalogue": (("b", "B"),), "typed": {}, "faults": {"topics": "many"}, "busy": False,
        "changes": (("hour", "7", "9"),),
        "zones": ("UTC",), "cadences": ("daily",), "languages": ("en",), "bars": ("normal",), "hours": (7,),
        "bounds": {"papers": (1, 2), "minutes": (1, 2)}, "said": ((1, "more", _PAPER),), "paused": True, "until": None,
        "today": date(2000, 1, 1), "next": ((_PAPER, "A reason"),), "own": True, "unsubscribe": "/", "script": "/",
        "lost": "/", "address": "/", "papers": "/", "data": "/", "mail": "/", "thought": {"group": "topics"},
        "looks": ("compact", "plain"), "usual_look": "comfortable",
    },
}
# fmt: on
