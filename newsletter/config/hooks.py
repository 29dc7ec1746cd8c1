"""The settings of webhooks: which relays may report bounces and complaints over the web, and how they prove it."""

from typing import Annotated

from pydantic import Field

from newsletter.config.forms import File, Section, form

TopicArn = Annotated[
    str,
    form(
        r"arn:aws(-[a-z]{2,8}){0,2}:sns:[a-z]{2}(-[a-z]{2,12}){1,3}-\d{1,2}:\d{12}:[A-Za-z0-9_-]{1,256}",
        "the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:123456789012:bounces",
    ),
]


class Hooks(Section):
    """Bounces and complaints as relays report them over the web: each page is there once its setting is."""

    ses_topics: tuple[TopicArn, ...] = Field(
        (), description="The ARNs of the SNS topics through which Amazon SES reports; no other is believed."
    )
    ses_password_file: File | None = Field(
        None,
        description="A file with the password in the address that SNS is given; raw delivery needs it, since it is "
        "not signed.",
    )
    postmark_password_file: File | None = Field(
        None,
        description="A file with the password that Postmark sends: in the address of the webhook, or in the header "
        "X-Newsletter-Password.",
    )
    sendgrid_key_file: File | None = Field(
        None, description="A file with the verification key (ECDSA) of SendGrid's signed event webhook."
    )
    signed_secret_file: File | None = Field(
        None, description="A file with the secret of the page that takes reports in a form of this program's own."
    )

    @property
    def relays(self) -> tuple[str, ...]:
        """The names of the pages that there are."""
        given = {
            "ses": self.ses_topics,
            "postmark": self.postmark_password_file,
            "sendgrid": self.sendgrid_key_file,
            "signed": self.signed_secret_file,
        }
        return tuple(name for name, keys in given.items() if keys)
