"""Each reader's own look: in what is sent, in what is shown again, and compiled once however many want it."""

from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from newsroom import Newsroom, address, papers

from newsletter.pipeline import subscribers

LOOKS = {"ada": None, "bob": "compact", "eve": "plain", "joe": "comfortable", "kim": "compact"}


async def sent(room: Newsroom) -> dict[str, bytes]:
    """Send a mail to everybody, and return what the catcher got."""
    await room.take_in(*papers(0, 1, 2))
    for name, look in LOOKS.items():
        await room.subscribe(name, look=look)
    await room.send()
    folder = room.app.settings.path(room.app.settings.smtp.outbox)
    return {file.stem.partition("-")[2].partition("@")[0]: file.read_bytes() for file in sorted(folder.glob("*.eml"))}


def bodies(content: bytes) -> tuple[str, str]:
    """Return the HTML of a message, if there is one, and its text."""
    message = message_from_bytes(content, policy=default)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    return "" if html is None else html.get_content(), "" if text is None else text.get_content()


@pytest.mark.parametrize("usual", ["comfortable", "plain"])
async def test_everyone_gets_the_look_that_they_chose(room: Newsroom, usual: str, monkeypatch: Any) -> None:
    room.set("rendering", look=usual)
    made: list[str] = []
    renderer = type(room.app).renderer

    def noted(app: Any, look: str = "") -> Any:
        made.append(look)
        return renderer(app, look)

    monkeypatch.setattr(type(room.app), "renderer", noted)
    found = await sent(room)
    assert made == (["", "compact", "plain"] if usual == "comfortable" else ["", "compact", "comfortable"])
    for name, look in LOOKS.items():
        html, text = bodies(found[name])
        assert "The violin" in text
        if (look or usual) == "plain":
            assert html == ""
        else:
            large, small = "20px/28px", "17px/24px"
            assert (large in html, small in html) == ((True, False) if look != "compact" else (False, True))
    # Shown again as it went out, whatever they chose since.
    for name in LOOKS:
        await subscribers.edit(
            room.database, address(name), lambda person: person.model_copy(update={"look": "comfortable"})
        )
        shown = await room.preview(name)
        assert shown.as_sent, name
        assert shown.written.content == found[name]


async def test_readers_of_one_look_share_the_parts_of_their_mail(room: Newsroom) -> None:
    await sent(room)
    assert len(await room.rows("SELECT id FROM presses")) == 3
    both = await room.rows(
        "SELECT count(DISTINCT d.press_id) AS number FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id "
        "WHERE s.look = 'compact'"
    )
    assert both[0].number == 1


async def test_a_logo_travels_with_html_alone(room: Newsroom) -> None:
    from pathlib import Path

    (room.app.settings.folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    room.set("brand", logo=Path("logo.png"))
    room.set("rendering", look="plain")
    found = await sent(room)
    assert {name: b"image/png" in content for name, content in found.items()} == {
        name: look in ("compact", "comfortable") for name, look in LOOKS.items()
    }
