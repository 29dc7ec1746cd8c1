"""Mail in a frame of a page of ours: a policy of its own, in which nothing runs, is fetched or leads away."""

from starlette.responses import Response

# Mail has its style in it.
MAIL = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox"
)


def framed(answer: Response, policy: str = "") -> Response:
    """Return an answer that pages of ours may show in a frame, under that policy or the one that it has."""
    given = policy or answer.headers["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", "frame-ancestors 'self'"
    )
    answer.headers["Content-Security-Policy"] = given
    return answer
