"""API tokens for scripts: `python -m dashboard.tokens create NAME [--days N] | list | revoke NAME`.

A new token is shown once. A running dashboard takes each change in with the next request.
"""

import re
import secrets
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from dashboard.settings import SettingError, read_settings
from dashboard.token_file import PREFIX, Token, TokenError, TokenFile, hash_token

SECRET_BYTES = 32
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
DAYS_MAX = 36_500


def create(file: TokenFile, name: str, days: int | None) -> str:
    """Make a token and return it: this is the only time that anybody sees it.

    Raises TokenError.
    """
    token, now = PREFIX + secrets.token_urlsafe(SECRET_BYTES), datetime.now(UTC)
    expires_at = now + timedelta(days=days) if days else None
    with file.alone():
        tokens = file.load()
        if any(each.name == name for each in tokens):
            raise TokenError(f"there is a token named {name} already: revoke it first")
        file.replace([*tokens, Token(name, hash_token(token), now, expires_at)])
    return token


def revoke(file: TokenFile, name: str) -> None:
    """End a token. Raises TokenError."""
    with file.alone():
        tokens = file.load()
        kept = [each for each in tokens if each.name != name]
        if len(kept) == len(tokens):
            raise TokenError(f"there is no token named {name}")
        file.replace(kept)


def lines(tokens: Sequence[Token], now: datetime) -> Iterator[str]:
    """Name, first and last day of each token, tab-separated."""
    for each in sorted(tokens, key=lambda token: token.name):
        until = f"until {each.expires_at:%Y-%m-%d}" if each.expires_at else "without end"
        told = "expired" if each.is_expired(now) else until
        yield f"{each.name}\tcreated {each.created_at:%Y-%m-%d}\t{told}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; the answer is the process's exit code."""
    asked = _parser().parse_args(arguments)
    try:
        settings = read_settings()
        _run(asked, TokenFile(settings.tokens_path))
        if asked.command == "create" and not settings.needs_login:
            sys.stderr.write("AUTH=none lets everybody in: no token is asked for.\n")
    except (TokenError, SettingError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def _run(asked: Namespace, file: TokenFile) -> None:
    if asked.command == "create":
        sys.stdout.write(f"{create(file, asked.name, asked.days)}\n")
        sys.stderr.write("Keep it now: it is not shown again. Authorization: Bearer <token>\n")
    elif asked.command == "revoke":
        revoke(file, asked.name)
    else:
        sys.stdout.writelines(lines(file.load(), datetime.now(UTC)))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m dashboard.tokens", description="API tokens.")
    commands = parser.add_subparsers(dest="command", required=True)
    created = commands.add_parser("create", help="make a token and show it, once")
    created.add_argument("name", type=_name)
    created.add_argument("--days", type=_days, help="how long it is good for; without: for good")
    commands.add_parser("list", help="tell whose tokens there are")
    commands.add_parser("revoke", help="end a token").add_argument("name", type=_name)
    return parser


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ArgumentTypeError("a name is 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or 0-9")
    return text


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= DAYS_MAX):
        raise ArgumentTypeError(f"a whole number from 1 to {DAYS_MAX}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
