"""Pieces of HTML, in which every text is escaped. This file makes them."""

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path


def escaped(text: object) -> str:
    """Return a text in which nothing is taken for HTML, inside quotes neither.

    >>> escaped("<b> & 'c'")
    '&lt;b&gt; &amp; &#x27;c&#x27;'
    """
    return html.escape(str(text), quote=True)


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of a class of the style sheet."""
    return f'<p class="{escaped(kind)}">{escaped(text)}</p>' if kind else f"<p>{escaped(text)}</p>"


def missing(text: str) -> str:
    """Return a note that something is not there."""
    return paragraph(text, "missing")


def heading(text: str, level: int = 3) -> str:
    """Return a heading inside a section."""
    return f"<h{level}>{escaped(text)}</h{level}>"


def preformatted(text: str) -> str:
    """Return a text whose lines and spaces stay."""
    return f"<pre>{escaped(text)}</pre>"


def folded(title: str, inside: str) -> str:
    """Return HTML that is shown when its title is clicked."""
    return f"<details><summary>{escaped(title)}</summary>{inside}</details>"


def table(rows: Iterable[Sequence[object]], head: Sequence[object] = ()) -> str:
    """Return a table; numbers stand at the right."""
    body = "".join(f"<tr>{''.join(_cell(each) for each in row)}</tr>" for row in rows)
    top = f"<thead><tr>{''.join(f'<th>{escaped(each)}</th>' for each in head)}</tr></thead>" if head else ""
    return f"<table>{top}<tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    return f"<td class='number'>{_number(value)}</td>" if isinstance(value, int | float) else f"<td>{escaped(value)}</td>"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"


def picture(data: bytes, kind: str, text: str) -> str:
    """Return an image that is part of the page, with a text below.

    Args:
        data: the file.
        kind: its type, such as `image/png`.
        text: what it shows.
    """
    source = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return f'<figure><img src="{source}" alt="{escaped(text)}"><figcaption>{escaped(text)}</figcaption></figure>'


def png(path: Path) -> str:
    """Return a PNG file as part of the page; if it cannot be read, a note."""
    try:
        return picture(path.read_bytes(), "image/png", path.name)
    except OSError as error:
        return missing(f"{path.name} cannot be read: {error.strerror or error}")
