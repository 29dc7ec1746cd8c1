"""The root of all exceptions: each carries a sentence for the user and what they can do next."""


class NewsletterError(Exception):
    """Something that the user can understand went wrong.

    `message` is one sentence; `next_step`, where there is one, is a sentence that says what to do.
    """

    exit_code = 1

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()


class UsageError(NewsletterError):
    """What was asked for cannot be done as it was asked."""

    exit_code = 2


class SettingsError(NewsletterError):
    """The settings have faults; `faults` names each with its dotted path."""

    exit_code = 2

    def __init__(self, message: str, *, faults: tuple[str, ...] = (), next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.faults = faults


class NotFoundError(NewsletterError):
    """The thing that was named is not on record."""


class FeedError(NewsletterError):
    """A source of papers could not be read at all."""


class SummaryError(NewsletterError):
    """A machine wrote no summary of a paper, or none that can be shown.

    `pause` says that it is about the endpoint and not about the paper; `tokens` is what it cost all the same, or
    the most that it may have cost.
    """

    def __init__(self, message: str, *, pause: bool = False, tokens: int = 0) -> None:
        super().__init__(message)
        self.pause = pause
        self.tokens = tokens


class ModelError(NewsletterError):
    """The folder with the model of embeddings cannot be used."""


class StoreError(NewsletterError):
    """The database could not do what was asked."""


class SchemaError(StoreError):
    """The database is of another version than the program."""


class UnkeepableError(StoreError):
    """The database cannot keep a value, such as text with a NUL."""


class ConflictError(StoreError):
    """Another process wrote the same thing first."""


class RenderingError(NewsletterError):
    """A template is wrong."""


class DeliveryError(NewsletterError):
    """The mail server cannot be used at the moment, so the run stops and nothing is lost."""
