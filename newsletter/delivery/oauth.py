"""Access tokens for XOAUTH2 from a command of the operator; knows nothing of servers or of how tokens are made."""

import asyncio
import re
from contextlib import suppress

from newsletter.errors import DeliveryError

_TOKEN = re.compile(r"[!-~]+")


class TokenCommand:
    """Runs a command, without a shell, that prints one access token."""

    def __init__(self, command: tuple[str, ...], timeout: float) -> None:
        self._command = command
        self._timeout = timeout

    async def __call__(self) -> str:
        """Return a new token; raises DeliveryError if the command fails, hangs, or prints something else."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except (OSError, ValueError) as error:
            raise self._fault(f"cannot be run: {getattr(error, 'strerror', None) or error}") from error
        try:
            printed, complaint = await asyncio.wait_for(process.communicate(), self._timeout)
        except TimeoutError as error:
            raise self._fault(f"printed no token in {self._timeout:g} seconds") from error
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            words = complaint.decode(errors="replace").strip().splitlines()
            why = f": {words[-1][:200]}" if words else ""
            raise self._fault(f"failed with exit status {process.returncode}{why}")
        token = printed.decode(errors="replace").strip()
        if not _TOKEN.fullmatch(token):
            raise self._fault("printed something that is not one token")
        return token

    def _fault(self, what: str) -> DeliveryError:
        return DeliveryError(
            f"The command {self._command[0]} of smtp.token_command {what}.",
            next_step="Run it by hand; it has to print an access token and nothing else.",
        )
