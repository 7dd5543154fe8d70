"""The Great Expectations site of a validation, as plain files that open offline and call nobody."""

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from great_expectations.checkpoint import CheckpointResult, UpdateDataDocsAction
from great_expectations.checkpoint.actions import ValidationAction
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import BytecodeCache, pass_context
from jinja2.bccache import Bucket

from fer.checks.report import CheckReport, CheckResult

#: The site's name in the Great Expectations context.
_SITE = "checks"

# Great Expectations' pages take their looks from Bootstrap and their actions from jQuery, both from public servers
_EXTERNAL = re.compile(
    r'<script\b[^>]*\bsrc="https?:[^>]*>\s*</script>|<link\b[^>]*\bhref="https?:[^>]*>|<img\b[^>]*\bsrc="https?:[^>]*>'
    r"|<footer>.*?</footer>|\burl\('https?:[^)]*\)",
    re.DOTALL,
)

_STYLE = """<style>
body{font:15px/1.5 system-ui,sans-serif;color:#1d2733;margin:0 auto;max-width:1240px;padding:1rem 2rem}
nav.navbar{height:auto!important}ol.breadcrumb{list-style:none;display:flex;gap:.5rem;padding:0}
.container-fluid>.row{display:flex;gap:2rem}.col-lg-2{flex:0 0 12rem}.col-lg-10{flex:1;min-width:0}
.ge-section>.row{display:block}.ge-section{max-width:none;padding:0}.nav{list-style:none;margin:0;padding:.3rem}
.card{border:1px solid #d8dee6;border-radius:6px;margin-bottom:1rem}.card-header{background:#f3f5f8;padding:.4rem .8rem}
.card:has(.btn-group),.btn,[data-toggle=collapse]{display:none}
.alert{background:#f3f5f8;border-radius:6px;padding:.5rem .8rem}
h1{font-size:1.5rem;margin:.5rem 0}h4,h5,h6,.h6{font-size:1rem;margin:0;font-weight:600}a{color:#1c5fa8}
table{border-collapse:collapse;margin:.6rem 0}.ge-section .table{width:100%}th{font-weight:600;color:#55606e}
td,th{border-bottom:1px solid #e3e8ee;padding:.35rem .7rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
.fa-check-circle:before{content:"\\2714";color:#1a7f37}.fa-times:before{content:"\\2718";color:#c1272d}
.passed{color:#1a7f37}.critical{color:#c1272d;font-weight:600}.warning{color:#9a6700;font-weight:600}.info{color:#1c5fa8;font-weight:600}.muted{color:#667}
</style>"""


class _Compiled(BytecodeCache):
    """Templates that are compiled: Great Expectations has a view for each page, and compiles all of them for each."""

    def __init__(self) -> None:
        self._code: dict[str, Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get(bucket.key + bucket.checksum)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key + bucket.checksum] = bucket.code


_COMPILED = _Compiled()


class EscapingView(DefaultJinjaPageView):
    """Great Expectations' page with the data's own texts escaped, such as file names; its tables take them for HTML."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.env.bytecode_cache = _COMPILED

    @pass_context
    def render_content_block(self, jinja_context: Any, content_block: Any, *place: Any, **options: Any) -> Any:
        """Great Expectations' own, with plain texts escaped."""
        if isinstance(content_block, str):
            return html.escape(content_block)
        if isinstance(content_block, list):
            content_block = [html.escape(part) if isinstance(part, str) else part for part in content_block]
        return super().render_content_block(jinja_context, content_block, *place, **options)

    def render_string_template(self, template: Any) -> Any:
        """Great Expectations' own, which escapes parameters only where there is styling."""
        return super().render_string_template({"styling": {}} | template if isinstance(template, dict) else template)


class SummaryAction(ValidationAction):
    """A checkpoint's last action: the pages made to open offline, and ``index.html``, the report, in front of them.

    Attributes:
        folder: of the data docs site.
    """

    type: Literal["summary"] = "summary"
    folder: str
    _report_of: Callable[[CheckpointResult], CheckReport] = PrivateAttr()

    def run(self, checkpoint_result: CheckpointResult, action_context: Any = None) -> dict[str, str]:
        """Write the page; returns its path as ``summary``."""
        folder = Path(self.folder)
        for page in folder.rglob("*.html"):
            text = _EXTERNAL.sub("", page.read_text(encoding="utf-8"))
            page.write_text(text.replace("</head>", f"{_STYLE}</head>", 1), encoding="utf-8")
        pages = {path.parts[-4]: path.relative_to(folder) for path in folder.glob("validations/*/*/*/*.html")}
        index = folder / "index.html"
        index.write_text(_index(self._report_of(checkpoint_result), pages), encoding="utf-8")
        return {"summary": str(index)}


def add_site(context: Any, folder: Path) -> None:
    """Give a Great Expectations context the data docs site that ``site_actions`` writes, in ``folder``."""
    view = {"class_name": EscapingView.__name__, "module_name": __name__}
    site = {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "site_section_builders": {"validations": {"view": view}, "expectations": {"view": view}},
        "show_how_to_buttons": False,
    }
    context.add_data_docs_site(_SITE, site)


def site_actions(folder: Path, report_of: Callable[[CheckpointResult], CheckReport]) -> list[ValidationAction]:
    """What a checkpoint does with its result: the data docs of every suite, then the summary.

    Args:
        folder: of the site; ``index.html`` is the page to open.
        report_of: what the checkpoint found.
    """
    summary = SummaryAction(name="summary", folder=str(folder))
    summary._report_of = report_of
    return [UpdateDataDocsAction(name="data docs", site_names=[_SITE]), summary]


def _index(report: CheckReport, pages: dict[str, Path]) -> str:
    """The first page: every check with its verdict and the rows that break it."""
    checks = "".join(_row(result, pages[result.suite]) for result in report.results)
    skipped = "".join(
        f"<tr><td class=muted>skipped</td><td>{html.escape(check.description)}</td><td>{check.suite}</td>"
        f"<td class=muted>the data has no {html.escape(check.column)}</td></tr>"
        for check in report.skipped
    )
    flaws = "".join(
        f"<tr><td>{html.escape(flaw.flaw or 'none')}</td><td>{flaw.planted}</td><td>{flaw.removed}</td>"
        f"<td>{flaw.flagged}</td><td>{flaw.missed}</td></tr>"
        for flaw in report.flaws
    )
    planted = (
        "<h4>Planted flaws</h4><table><tr><th>flaw</th><th>images</th><th>removed by ingest</th><th>flagged by a check"
        f"</th><th>neither</th></tr>{flaws}</table>"
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Checks of {html.escape(report.dataset)}</title>{_STYLE}</head><body>
<h1>Checks of {html.escape(report.dataset)}</h1>
<p>{report.images:,} images, fingerprint {report.fingerprint}: {len(report.critical_failures)} critical failures,
{len(report.warnings)} warnings, {len(report.remarks)} remarks,
{sum(result.success for result in report.results)} of {len(report.results)} passed.</p>
<table><tr><th>verdict</th><th>check</th><th>suite</th><th>rows that break it</th></tr>{checks}{skipped}</table>
{planted if report.flaws else ""}
</body></html>
"""


def _row(result: CheckResult, page: Path) -> str:
    verdict = "passed" if result.success else result.severity
    remedy = "" if result.success else f"<div class=muted>{html.escape(result.remedy)}</div>"
    found = html.escape(result.observed or ", ".join(result.rows))
    count = f"{result.unexpected:,} ({result.share:.2%}): " if result.unexpected else ""
    more = ", …" if result.unexpected > len(result.rows) else ""
    return (
        f"<tr><td class={verdict}>{verdict}</td><td>{html.escape(result.description)}{remedy}</td>"
        f'<td><a href="{page.as_posix()}">{result.suite}</a></td><td>{count}{found}{more}</td></tr>'
    )
