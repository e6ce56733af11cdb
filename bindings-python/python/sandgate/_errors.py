"""The exception for a document that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandgate._native import Diagnostic, Report


class PolicyError(ValueError):
    """A document, an entry or a mask is refused. Its text is every problem, one a line."""

    report: Report
    """Everything that is wrong."""

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The problems that were kept, in the order of the document."""
        return self.report.diagnostics

    def __str__(self) -> str:
        return str(self.report)


PolicyError.__module__ = "sandgate"
