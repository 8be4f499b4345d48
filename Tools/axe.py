"""Checks pages in a browser with axe-core, the script of Deque Systems, where a Python package brings it.

It is no part of this project: `pip install --no-deps axe-playwright-python` brings a current one, FVLM_AXE names a file.
"""
import importlib.util
import os
import pathlib
import re

PACKAGES = ("axe_playwright_python", "axe_selenium_python", "axe_core_python")
# Levels A and AA, and what is good practice beside them.
OLDEST = (4, 5, 0)  # the first that knows all of them
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def _version(path):
    found = re.match(rb"/\*! axe v(\d+)\.(\d+)\.(\d+)", path.open("rb").read(80))
    return tuple(map(int, found.groups())) if found else (0, 0, 0)


def script():
    """The newest script that is there and new enough, or nothing."""
    if path := os.environ.get("FVLM_AXE"):
        return pathlib.Path(path)
    specs = filter(None, map(importlib.util.find_spec, PACKAGES))
    files = [file for spec in specs for file in pathlib.Path(spec.origin).parent.rglob("axe.min.js")]
    return max((file for file in files if _version(file) >= OLDEST), key=_version, default=None)


class Axe:
    """Looks at what a browser shows, and says once where it cannot."""

    def __init__(self, browser):
        self.browser, self.script = browser, script()
        if not self.script:
            print("LEFT OUT: axe-core 4.5 or newer is not installed (pip install --no-deps axe-playwright-python), so that accessibility is "
                  "not checked", flush=True)

    def check(self, check, name):
        """Calls `check` with whether the page has no violation, and what was looked at or found."""
        if not self.script:
            return
        if not self.browser.execute_script("return Boolean(window.axe)"):
            self.browser.execute_script(self.script.read_text())
        result = self.browser.execute_async_script(
            """const done = arguments[1];
            axe.run(document, { runOnly: arguments[0], resultTypes: ["violations"] }).then(
              r => done({ version: r.testEngine.version, passed: r.passes.length, violations: r.violations }),
              e => done({ error: String(e) }))""", RULES)
        if "error" in result:
            return check(False, f"axe, {name}: {result['error']}")
        found = [
            f"{violation['id']}: {violation['help']}: {node['target']} {node['failureSummary']}"
            for violation in result["violations"] for node in violation["nodes"]]
        listed = "".join("\n  " + " ".join(text.split()) for text in found)
        check(not found and result["passed"] > 0, f"axe {result['version']}, {name}: "
              + (f"{len(found)} violations{listed}" if found else f"{result['passed']} rules hold"))
