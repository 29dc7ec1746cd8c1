"""A reader's next mail as it would be, whole, in a frame of the page on which they change what they get."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from newsletter.models import Consent
from newsletter.pipeline.choices import WrongError
from newsletter.web.desk import Desk
from newsletter.web.forms import fields
from newsletter.web.frames import MAIL, framed
from newsletter.web.settings import LARGEST, MOST_FIELDS, thought


async def answer(request: Request) -> Response:
    """Show the mail: with GET by their wishes, with POST by those of a form as it stands; nothing is ever saved."""
    desk: Desk = request.app.state.desk
    person = (await desk.choices.known(request.path_params["token"])).person
    if request.method == "POST":
        asked = await fields(request, largest=LARGEST, most=MOST_FIELDS)
        try:
            person = thought(person, asked)
        except WrongError:
            return framed(desk.fault(request, "unread", 422))
    html = await desk.foresight.mail(person) if person.state is Consent.CONFIRMED else ""
    if html is None:
        return framed(desk.fault(request, "busy", 503))
    if not html:
        return framed(desk.open_page(request, "fault", person.language, kind="empty", days=0))
    return framed(HTMLResponse(html, headers=desk.headers), MAIL)
