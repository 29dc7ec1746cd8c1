"""What single settings may look like, and what a section of them is; nothing here names one."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict


def form(pattern: str, what: str) -> AfterValidator:
    """Hold a setting to a pattern; `what` says in words what it has to be."""

    def check(value: Any) -> Any:
        if re.fullmatch(pattern, str(value)) is None:
            raise ValueError(f"this has to be {what}")
        return value

    return AfterValidator(check)


# A control character in any setting could end up in a header or a command (RFC 5322 section 2.2).
# U+0085, U+2028 and U+2029 end a line for Python's email package.
LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*"
OneLine = Annotated[str, form(LINE, "one line without control characters")]
File = Annotated[Path, form(LINE, "a path without control characters")]
Address = Annotated[
    str,
    form(r"[^\s@<>,;:\x00-\x1f\x7f-\x9f]+@[^\s@<>,;:\x00-\x1f\x7f-\x9f]+", "an address like papers@example.org"),
]
PORT = r"(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]?\d{1,4})"
Domain = Annotated[str, form(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", "a name like papers.example.org")]


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True, allow_inf_nan=False
    )
