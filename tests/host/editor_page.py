"""ComfyUI's editor in a headless Chromium: load a graph, run it, and look at what is shown."""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
"""Names of browsers that are looked for where CHROMIUM names none."""

PATIENCE = 180
"""Seconds that the editor may take for what it is asked to do; a run may take longer."""

SCROLLS = 30
"""At most, in the template browser, which shows more of a pack's graphs when it is scrolled."""

QUIET = ".selection-toolbox, .p-toast { display: none !important }"
"""Style that hides what comes and goes over the graph."""

BARE = """
.comfyui-body-top, .comfyui-body-left, .comfyui-body-right, .comfyui-body-bottom,
.side-tool-bar-container, .litegraph-minimap, .minimap-main-container,
.p-buttongroup, .workflow-tabs-container, .comfyui-menu, .actionbar { display: none !important }
"""
"""Style that hides all but the graph."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser that CHROMIUM names, or one of the system's; playwright's own plays no H.264.

    Raises:
        FileNotFoundError: there is none.
    """
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None or not shutil.which(found):
        raise FileNotFoundError(f"no browser {found or ' or '.join(PROGRAMS)}")
    with (
        sync_playwright() as play,
        play.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"], timeout=PATIENCE * 1000
        ) as browser,
    ):
        yield browser


class Editor:
    """The editor on a page of its own, as a user sees it on a first visit.

    Args:
        browser: where to open it.
        address: of the server, such as http://127.0.0.1:8188.
        size: width and height of the page in its pixels.
        zoom: pixels of pictures per pixel of the page.
    """

    def __init__(
        self, browser: Browser, address: str, size: tuple[int, int] = (1600, 1000), zoom: float = 1
    ) -> None:
        width, height = size
        self.page: Page = browser.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=zoom
        ).new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.goto(address, wait_until="domcontentloaded")
        self.page.wait_for_function("window.app?.graph && window.app.extensionManager")
        self.page.wait_for_timeout(3000)
        self.page.add_style_tag(content=QUIET)

    def close(self) -> None:
        """Leave the page."""
        self.page.context.close()

    def load(self, graph: dict[str, Any]) -> None:
        """Put a graph in the editor's own form on the canvas."""
        self.page.evaluate("graph => app.loadGraphData(graph)", graph)
        self.page.wait_for_timeout(1000)
        for _ in range(3):  # the templates, which open on a first visit
            self.page.keyboard.press("Escape")
            self.page.wait_for_timeout(200)

    def load_template(self, pack: str, name: str) -> None:
        """Choose a graph of a pack in the template browser, by clicks."""
        self._command("Comfy.BrowseTemplates")
        browser = self.page.get_by_role("dialog")
        browser.get_by_text(pack, exact=True).click()
        card = browser.get_by_text(name, exact=True).first
        self.page.wait_for_timeout(1000)
        for _ in range(SCROLLS):
            if card.count():
                break
            browser.hover()
            self.page.mouse.wheel(0, 1000)
            self.page.wait_for_timeout(500)
        card.click()
        browser.wait_for(state="hidden")
        self.page.wait_for_function("app.graph.nodes.length > 0")

    def set(self, node: str, name: str, value: Any) -> None:
        """Give a widget of the first node of a type another value."""
        self.page.evaluate(
            "([type, name, value]) => { app.graph.nodes.find((each) => each.type === type)"
            ".widgets.find((each) => each.name === name).value = value }",
            [node, name, value],
        )

    def prompt(self) -> dict[str, Any]:
        """The graph in API form, as the editor itself makes it."""
        return self.page.evaluate("async () => (await app.graphToPrompt()).output")

    def run(self, seconds: float = 300) -> dict[str, Any]:
        """Queue the graph as the Run button does, wait for its end and return its history.

        Raises:
            TimeoutError: it has not ended after so many seconds.
        """
        before = set(self._history())
        self._command("Comfy.QueuePrompt")
        for _ in range(int(seconds)):
            new = {key: run for key, run in self._history().items() if key not in before}
            if new:
                return next(iter(new.values()))
            self.page.wait_for_timeout(1000)
        raise TimeoutError(f"the graph did not end within {seconds:g} seconds")

    def fit(self) -> None:
        """Bring the whole graph into view."""
        self._command("Comfy.Canvas.FitView")
        self.settle()

    def settle(self) -> None:
        """Let nodes take the room that they want, and draw everything anew."""
        for _ in range(2):
            self.page.wait_for_timeout(1000)
            self.page.evaluate("() => app.graph.setDirtyCanvas(true, true)")
        self.page.wait_for_timeout(1000)

    def style(self, rules: str) -> None:
        """Change the look of the page."""
        self.page.add_style_tag(content=rules)

    def picture(self, x: float, y: float, width: float, height: float) -> Image.Image:
        """A rectangle of the page."""
        clip = {"x": x, "y": y, "width": width, "height": height}
        return Image.open(io.BytesIO(self.page.screenshot(clip=clip)))

    def _command(self, name: str) -> None:
        self.page.evaluate("name => app.extensionManager.command.execute(name)", name)

    def _history(self) -> dict[str, Any]:
        return self.page.evaluate("async () => (await fetch('/history')).json()")
