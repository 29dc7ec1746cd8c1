"""A command of the operator prints the access token."""

import sys

import pytest

from newsletter.delivery.oauth import TokenCommand
from newsletter.errors import DeliveryError


def python(code: str, timeout: float = 20) -> TokenCommand:
    return TokenCommand((sys.executable, "-c", code), timeout)


async def test_the_token_is_what_the_command_prints() -> None:
    assert await python("print('ya29.token')")() == "ya29.token"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (python("import sys; print('no account', file=sys.stderr); sys.exit(3)"), "exit status 3: no account"),
        (python("print('two words')"), "not one token"),
        (python("pass"), "not one token"),
        (python("print('a\\r\\nb')"), "not one token"),
        (python("import time; time.sleep(60)", timeout=0.2), "no token in 0.2 seconds"),
        (TokenCommand(("/no/such/command",), 5), "cannot be run: No such file"),
    ],
)
async def test_a_command_that_gives_none_is_named_with_what_went_wrong(command: TokenCommand, words: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        await command()
    assert words in caught.value.message
    assert "token_command" in caught.value.message
    assert caught.value.next_step
