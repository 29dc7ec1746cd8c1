"""What is written for a browser has its pictures within."""

from base64 import b64encode
from email.message import EmailMessage

from newsletter.delivery.pictures import html_alone


def test_a_picture_of_the_message_is_within_and_another_stays() -> None:
    message = EmailMessage()
    message.set_content("text")
    message.add_alternative('<img src="cid:logo@x"><img src="cid:other@x">', subtype="html")
    message.get_payload()[1].add_related(b"PNG", "image", "png", cid="<logo@x>")
    shown = html_alone(message.as_bytes())
    assert shown is not None
    assert f'<img src="data:image/png;base64,{b64encode(b"PNG").decode()}"><img src="cid:other@x">' in shown


def test_a_message_without_html_has_none() -> None:
    assert html_alone(b"Subject: x\r\n\r\nwords") is None
