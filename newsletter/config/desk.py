"""Settings of the operator's page."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from newsletter.config.forms import OneLine, Section, form
from newsletter.passwords import FORM


class Operator(Section):
    """The page of figures, at /operator of web.base_url; without a way in there is none."""

    password_hash: Annotated[OneLine, form(rf"({FORM})?", "what `newsletter operator password` prints")] = Field(
        "", description="What `newsletter operator password` prints for the password that opens it."
    )
    proxy_header: Annotated[OneLine, form(r"([A-Za-z][A-Za-z0-9-]{0,60})?", "the name of a header")] = Field(
        "",
        description="The header in which your proxy names who logged in, such as X-Remote-User; the proxy must take it "
        "away from what others send.",
    )
    proxies: tuple[OneLine, ...] = Field(
        ("127.0.0.1", "::1"), description="The addresses of proxies whose word proxy_header is."
    )

    @property
    def open(self) -> bool:
        """Whether there is a way in."""
        return bool(self.password_hash or self.proxy_header)

    @model_validator(mode="after")
    def _has_a_proxy(self) -> Self:
        if self.proxy_header and not self.proxies:
            raise ValueError("proxy_header needs proxies whose word it is")
        return self
