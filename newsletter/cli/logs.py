"""What operators read on stderr: set up once, from the settings; for people on a terminal, as JSON elsewhere."""

import logging
import re
import sys

import structlog

_ADDRESS = re.compile(r"[^\s<>,;:\"'()]+@[^\s<>,;:\"'()]+")


def configure(level: str, style: str) -> None:
    """Send all logs from `level` on to stderr; `style` is `console`, `json`, or `auto` for what fits stderr."""
    pretty = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # A traceback is text before addresses are taken out, and without the values of variables.
        structlog.processors.format_exc_info,
        _without_addresses,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if pretty
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    # Libraries are heard from warnings on: at lower levels some of them log addresses.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("newsletter").setLevel(number)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: logging.getLogger("newsletter"),
        cache_logger_on_first_use=False,
    )


def _without_addresses(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Take mail addresses out of all that is logged: a server's words often quote the reader's."""
    return {
        name: _ADDRESS.sub("<address>", value) if isinstance(value, str) else value for name, value in event.items()
    }
