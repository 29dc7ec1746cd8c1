"""How mail and pages look: sizes and spaces, and the operator's colour and logo; knows no template and no message."""

import colorsys
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from newsletter import config
from newsletter.errors import RenderingError

# Papers lie on a sheet of CARD on a ground of GROUND, each light and dark. The contrast that WCAG 2.2 asks of text at
# level AAA (1.4.6) holds on both, so it is that on the worse one of the two.
CARD, GROUND = ("#ffffff", "#1c1d21"), ("#f5f5f2", "#111214")
LIGHT, DARK = GROUND[0], CARD[1]
CONTRAST = 7.0

LARGEST_LOGO = 50 * 1024
STEPS = 512

_MAGIC = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))


@dataclass(frozen=True, slots=True)
class Look:
    """Sizes and spaces in pixels; a pair is the size of letters and the height of their lines.

    `html` tells whether there is an HTML part. `gap` stands between the lines of a paper, `space` above and below it,
    and `tap` above and below the words of a link that stands alone, so that a finger meets it.
    """

    html: bool
    name: tuple[int, int]
    title: tuple[int, int]
    text: tuple[int, int]
    small: tuple[int, int]
    gap: int
    space: int
    tap: int


LOOKS = {
    "comfortable": Look(
        html=True, name=(30, 38), title=(20, 28), text=(16, 26), small=(15, 23), gap=10, space=28, tap=10
    ),
    "compact": Look(html=True, name=(24, 30), title=(17, 24), text=(15, 22), small=(14, 20), gap=5, space=16, tap=5),
}
LOOKS["plain"] = Look(html=False, **{name: getattr(LOOKS["comfortable"], name) for name in Look.__slots__[1:]})


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that travels with the mail; `width` is in pixels, as it is shown."""

    content: bytes
    kind: Literal["png", "jpeg", "gif"]
    width: int

    @property
    def cid(self) -> str:
        """Its Content-ID without angle brackets: the same picture has the same one in every mail."""
        return f"{self._digest}@logo.invalid"

    @property
    def file(self) -> str:
        """Its name as a file of the pages: another picture has another one."""
        return f"{self._digest}.{self.kind}"

    @property
    def _digest(self) -> str:
        return blake2b(self.content, digest_size=9).hexdigest()


@dataclass(frozen=True, slots=True)
class Brand:
    """The operator's colour as they gave it, as text on the light and on the dark background, and their logo."""

    accent: str
    on_light: str
    on_dark: str
    logo: Logo | None = None

    @property
    def css(self) -> str:
        """Its colours as custom properties of CSS, light and dark, and what text in them is readable on.

        `--accent` is for lines, `--link` for words and what is around them, `--card` and `--ground` lie below.
        """
        light, dark = (
            f":root {{ --accent: {accent}; --link: {link}; --card: {card}; --ground: {ground}; }}"
            for accent, link, card, ground in zip(
                (self.accent, self.on_dark), (self.on_light, self.on_dark), CARD, GROUND, strict=True
            )
        )
        return f"{light}\n@media (prefers-color-scheme: dark) {{\n  {dark}\n}}\n"


def brand_of(settings: config.Brand, folder: Path = Path()) -> Brand:
    """Return the brand of the settings, whose paths are relative to `folder`.

    Raises RenderingError for a logo that cannot be used.
    """
    logo = None if settings.logo is None else _logo(folder / settings.logo.expanduser(), settings.logo_width)
    return Brand(
        accent=settings.accent,
        on_light=readable(settings.accent, LIGHT),
        on_dark=readable(settings.accent, DARK),
        logo=logo,
    )


def readable(colour: str, background: str, least: float = CONTRAST) -> str:
    """Return the nearest colour of the same hue and saturation that has the contrast on a background.

    Colours are `#rgb` or `#rrggbb`. Its lightness (of HSL) moves away from the background's: each channel grows with
    it, so the luminance does, and at its end are white and black. Raises ValueError if no colour has that contrast.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    end = 0.0 if luminance(background) > 0.18 else 1.0
    for step in range(STEPS + 1):
        moved = colorsys.hls_to_rgb(hue, lightness + (end - lightness) * step / STEPS, saturation)
        found = "#" + "".join(f"{round(channel * 255):02x}" for channel in moved)
        if contrast(found, background) >= least:
            return found
    raise ValueError(f"no colour has a contrast of {least} on {background}")


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return the luminance of a colour, from 0 to 1 (WCAG 2.2, "relative luminance")."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[float, float, float]:
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = bytes.fromhex(digits)
    return red / 255, green / 255, blue / 255


def _logo(file: Path, width: int) -> Logo:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_LOGO + 1)
    except OSError as error:
        raise RenderingError(
            f"The logo {file} cannot be read: {error.strerror or error}.", next_step="Mend brand.logo in the settings."
        ) from error
    if len(content) > LARGEST_LOGO:
        raise RenderingError(
            f"The logo {file} has more than {LARGEST_LOGO // 1024} KB, and it travels with every mail.",
            next_step="Save it smaller: twice as many pixels as it is shown wide are enough.",
        )
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return Logo(content, kind, width)  # type: ignore[arg-type]
    raise RenderingError(
        f"The logo {file} is no PNG, JPEG or GIF, and mail programs show no other pictures.",
        next_step="Save it as a PNG.",
    )
