"""Text that contains data, made safe for the channel that carries it.

Errors quote what they are about, such as a column's name or a run's id, and anyone may have written that.
"""

import html

# Of a whole message. Slack accepts 40,000 characters, and escaping makes five of one.
MESSAGE_CHARACTERS = 4000


def plain(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return text on one line, with every character visible, for logs and SNS.

    Newlines and other characters that cannot be printed, such as marks that reverse the direction of text, are shown as
    Python escapes. Of more than `limit` characters, so many are returned, and a note that says so.
    """
    shown = "".join(map(_visible, text[:limit]))
    return shown if max(len(text), len(shown)) <= limit else f"{shown[:limit]} … (cut)"


def for_mail(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return text as HTML without any markup from it, for mails."""
    return html.escape(plain(text, limit))


def for_webhook(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return text without mentions and links, for Slack and webhooks that read text as Slack does."""
    # Slack decodes these three entities, and no others.
    return html.escape(plain(text, limit), quote=False)


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()
