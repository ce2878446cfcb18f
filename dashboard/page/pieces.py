"""Small pieces of HTML that Streamlit has no widget for; every text in them is escaped."""

from collections.abc import Iterable
from html import escape

import streamlit as st

from dashboard.jobs import Job
from dashboard.outputs import ModelOutput, Picture
from dashboard.urls import download_url, file_url, report_url, thumbnail_url
from result_packager import Member

CARD_EDGE_PX, LARGE_EDGE_PX, STRIP_EDGE_PX = 384, 1024, 256


def base_url() -> str:
    """The server's path prefix, "" or "/name"."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def picture_url(job_id: str, preview: Member | Picture, edge_px: int) -> str:
    return thumbnail_url(
        base_url(),
        job_id,
        preview.model,
        preview.name.removeprefix("previews/"),
        edge_px=edge_px,
        version=preview.mtime_ns,
    )


def image(url: str, alt: str) -> str:
    return f'<img src="{escape(url)}" alt="{escape(alt)}" loading="lazy" decoding="async">'


def picture(content: str, *styles: str) -> str:
    """A frame on a soft gradient around an image or a few words."""
    return f'<div class="{" ".join(("picture", *styles))}">{content}</div>'


def card_picture(job: Job, instead: str) -> None:
    """The job's first textured preview, or the words that stand for it."""
    preview = job.outputs.cover
    if preview is None:
        st.html(picture(escape(instead)))
    else:
        url = picture_url(job.job_id, preview, CARD_EDGE_PX)
        st.html(picture(image(url, f"Preview of job {job.job_id}")))


def enlargeable(job_id: str, preview: Member, anchor: str, edge_px: int, *styles: str) -> str:
    """A picture that a click, or Enter, shows large; Escape or a click beside it closes it."""
    name = preview.name.removeprefix("previews/")
    alt = f"{preview.model}, {name}"
    small = picture(image(picture_url(job_id, preview, edge_px), alt), *styles)
    large = image(picture_url(job_id, preview, LARGE_EDGE_PX), alt)
    original = escape(file_url(base_url(), job_id, preview.model, preview.name))
    return (
        f'<button class="enlarge" popovertarget="{anchor}" aria-label="Enlarge {escape(alt)}">'
        f"{small}</button>"
        f'<div class="enlarged" id="{anchor}" popover>{large}'
        f'<p><span>{escape(alt)}</span><a href="{original}" target="_blank">Original PNG</a></p>'
        "</div>"
    )


def facts(text: str, *, quiet: bool = False) -> None:
    """One line of plain text, shown as it is."""
    st.html(f'<p class="facts{" quiet" if quiet else ""}">{escape(text)}</p>')


def remark(text: str) -> None:
    """What somebody wrote, with its line breaks."""
    st.html(f'<p class="facts note">{escape(text)}</p>')


def history(rows: Iterable[Iterable[str]]) -> None:
    """Lines of several texts each, the first ones short."""
    lines = ("".join(f"<td>{escape(text)}</td>" for text in row) for row in rows)
    st.html(f'<table class="history"><tbody><tr>{"</tr><tr>".join(lines)}</tr></tbody></table>')


def card_heading(text: str) -> None:
    """A fixed text over a card, as high as one with a button beside it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(text, anchor=False)


def lines(texts: Iterable[str]) -> None:
    """Some quiet lines of plain text, close to each other."""
    st.html("".join(f'<p class="facts quiet">{escape(text)}</p>' for text in texts))


def figures(rows: dict[str, str]) -> None:
    """Names at the left, values at the right."""
    lines = (f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows.items())
    st.html(f'<table class="figures"><tbody>{"".join(lines)}</tbody></table>')


def file_list(job_id: str, model: ModelOutput, size_texts: dict[str, str]) -> None:
    """Every file of a model as a link, with its size."""
    lines = (
        f'<tr><th><a href="{escape(file_url(base_url(), job_id, model.name, name))}" download>'
        f"{escape(name)}</a></th><td>{escape(size)}</td></tr>"
        for name, size in size_texts.items()
    )
    st.html(f'<table class="figures"><tbody>{"".join(lines)}</tbody></table>')


def file_link(job_id: str, model: ModelOutput, name: str, label: str) -> None:
    """One file of a model as a link."""
    url = escape(file_url(base_url(), job_id, model.name, name))
    st.html(f'<p class="facts"><a href="{url}" download>{escape(label)}</a></p>')


def take_along(job_id: str, zip_size: str | None) -> None:
    """The job page's buttons: links, so that the page stays as it is. None is no ZIP to be had."""
    report = escape(report_url(base_url(), job_id))
    links = f'<a class="secondary-link" href="{report}" target="_blank">Report</a>'
    if zip_size is not None:
        url = escape(download_url(base_url(), job_id))
        label = f"Download ZIP · {escape(zip_size)}"
        links += f'<a class="primary-link" href="{url}" download>{label}</a>'
    st.html(f'<div class="take-along">{links}</div>')


def side_letter(letter: str) -> str:
    """The sign of one side of a comparison, "A" or "B"."""
    return f'<i class="side {letter.lower()}">{letter}</i>'
