"""The contact sheet in a real browser, from its file: it plays, sorts, finds, and asks nobody."""

import json
from urllib.parse import unquote

import pytest

from spacetime_video.headless.batch.manifest import FAILED, PLANNED
from spacetime_video.headless.batch.page.sheet import write_page

from .conftest import Made
from .test_page import HOSTILE, NAMES

pytest.importorskip("playwright", reason="pip install playwright to look at pages in a browser")
SIZE = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def browser():
    from ....host.editor_page import chromium

    try:
        with chromium() as running:
            yield running
    except FileNotFoundError as missing:
        pytest.skip(f"{missing}: install Chromium or Chrome to look at pages in it")


@pytest.fixture
def view(browser):
    """Open a page, and see to it that nothing is wrong and nothing is asked of a network."""
    problems, pages = [], []

    def opened(path, **options):
        page = browser.new_context(viewport=SIZE, **options).new_page()
        pages.append(page)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda asked: None if asked.url.startswith(("file:", "data:"))
                else problems.append(asked.url))  # fmt: skip
        page.goto(path.as_uri())
        return page

    opened.problems = problems
    yield opened
    for page in pages:
        page.context.close()
    assert problems == []


def names(page):
    return [
        text.split(maxsplit=1)[1]
        for text in page.locator(".card:not([hidden]) h2").all_text_contents()
    ]


PLAYS = "video => video.readyState >= 2 && video.currentTime > 0 && !video.paused && video.muted"


def plays(page, place):
    return page.wait_for_function(
        f"place => [...document.querySelectorAll(place)].some({PLAYS})",
        arg=place,
    )


@pytest.fixture
def night(record):
    """Clips and a picture of three seeds, a failed job and one that is still to come."""
    clips = [
        Made(name=f"clip_{seed}", prompt=f"a {colour} cube", seed=str(seed),
             files=(f"clip_{seed}.mp4",), seconds=30 / seed)
        for seed, colour in ((2, "red"), (10, "blue"), (9, "green"))
    ]  # fmt: skip
    still = Made(name="still", prompt="a picture", seed="4", files=("a.png", "b.png", "c.mp4"))
    bad = Made(
        name="bad", prompt="a red cone", seed="5", state=FAILED, error="no room", node="Save"
    )
    return write_page(record(*clips, still, bad, Made(name="later", state=PLANNED)))


def test_a_clip_plays_where_one_points_or_walks_and_rests_behind(view, night):
    page = view(night)
    assert page.locator("video").count() == 0
    page.locator(".stage").first.hover()
    plays(page, ".card:nth-child(1) video")
    page.mouse.move(2, 2)
    page.wait_for_function("() => !document.querySelector('video')")
    page.locator(".stage").first.focus()
    page.keyboard.press("ArrowRight")
    plays(page, ".card:nth-child(2) video")
    page.keyboard.press("p")
    plays(page, ".card:nth-child(1) video")
    plays(page, ".card:nth-child(3) video")


def test_a_result_is_looked_at_and_the_next_by_keys(view, night):
    page = view(night)
    page.locator(".stage").first.focus()
    page.keyboard.press("Enter")
    plays(page, "#viewer video")
    assert "a red cube" in page.locator("#viewer .about").inner_text()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => document.querySelector('#viewer .screen img')?.naturalWidth === 30"
    )
    page.locator("#viewer .other").nth(2).click()
    plays(page, "#viewer video")
    page.keyboard.press("ArrowRight")
    assert "no room" in page.locator("#viewer .screen").inner_text()
    page.locator("#viewer .meters a").click()
    assert "bad begins" in page.locator("pre").inner_text()
    page.go_back()
    page.locator(".failed .stage").click()
    page.keyboard.press("Escape")
    assert page.locator("#viewer").is_hidden()
    assert page.locator(".stage:focus").inner_text().strip().startswith("Save")


def test_jobs_are_found_filtered_and_sorted_and_stay_so(view, night):
    page = view(night)
    assert names(page) == ["clip_2", "clip_10", "clip_9", "still", "bad"], "what is to come is not"
    page.locator("select").select_option(label="by seed")
    assert names(page) == ["clip_2", "still", "bad", "clip_9", "clip_10"]
    page.locator("select").select_option(label="longest first")
    assert names(page)[:4] == ["clip_2", "clip_9", "clip_10", "still"]
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("/")
    page.keyboard.type("RED c")
    page.wait_for_function("() => document.getElementById('count').textContent === '2 of 6'")
    assert names(page) == ["clip_2", "bad"]
    page.locator(".chip.done input").uncheck()
    assert names(page) == ["bad"]
    page.reload()
    assert names(page) == ["bad"]
    page.locator("input[type=search]").fill("nowhere")
    page.locator("#nothing").wait_for()


def test_a_batch_that_goes_on_is_seen_anew_when_one_comes_back(view, record):
    layout = record(Made(name="clip_1", files=("clip_1.mp4",)), Made(name="clip_2", state=PLANNED),
                    reason=None)  # fmt: skip
    page = view(write_page(layout, is_live=True))
    page.locator(".chip.left input").check()
    again = "() => document.dispatchEvent(new Event('visibilitychange'))"
    for ask in (lambda: page.get_by_text("Reload").click(), lambda: page.evaluate(again)):
        page.evaluate("() => { window.old = true }")
        ask()
        page.wait_for_function("() => !window.old && document.getElementById('count').textContent")
        assert names(page) == ["clip_1", "clip_2"], "what was chosen stays"
    write_page(layout)
    page.evaluate(again)
    page.wait_for_function(
        "() => document.querySelector('.standing').textContent.includes('killed')"
    )


def test_files_of_any_name_are_shown_and_texts_of_anyone_do_nothing(view, record):
    odd = [Made(name=f"{number}", files=(name,)) for number, name in enumerate(NAMES)]
    hostile = Made(name=HOSTILE, prompt=HOSTILE, seed=HOSTILE, files=("z.mp4",))
    page = view(write_page(record(*odd, hostile)))
    for number, name in enumerate((*NAMES, "z.mp4")):
        page.locator(".stage").nth(number).click()
        plays(page, "#viewer video")
        address = page.evaluate("document.querySelector('#viewer video').src")
        assert unquote(address).endswith(f"/{name}"), address
        page.keyboard.press("Escape")
    assert HOSTILE[:60] in page.locator("h2").last.inner_text()
    assert page.evaluate("document.scripts.length") == 1


def test_a_script_that_came_in_would_not_run(view, night):
    text = night.read_text(encoding="utf-8")
    night.write_text(text.replace("</main>", "</main><script>window.bad = 1</script>"))
    assert view(night).evaluate("window.bad === undefined")
    assert "Content Security Policy" in view.problems.pop()


def test_a_thousand_jobs_are_quick(view, record):
    made = [
        Made(name=f"clip_{number:04}", prompt=f"a cube of kind k{number % 40:02}", seed=str(number),
             files=(f"clip_{number:04}.png",))
        for number in range(1000)
    ]  # fmt: skip
    page = view(write_page(record(*made)))
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert loaded < 5000
    pictures = "[...document.images].filter((each) => each.complete && each.naturalWidth).length"
    assert 0 < page.evaluate(pictures) < 500, "those in sight, and some more"
    took = page.evaluate(
        """async () => {
            const begun = performance.now();
            tools.find.value = "cube k07";
            filter();
            document.body.getBoundingClientRect();
            await new Promise(requestAnimationFrame);
            return performance.now() - begun;
        }"""
    )
    assert len(names(page)) == 25
    assert took < 1000
    assert json.loads(page.locator(".card").first.get_attribute("data-key"))[0] == 1


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("dark", 320)])
def test_it_fits_any_window_and_stands_out_from_its_paper(view, night, scheme, width):
    page = view(night, color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    faint = page.evaluate(CONTRAST)
    assert faint == []


CONTRAST = """() => {
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map((each) => {
      const value = each / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const texts = "h1, .when, .prompt, dt, dd, .number, .meters, .error b, #count";
  return [...document.querySelectorAll(texts)]
    .filter((each) => {
      const ink = light(getComputedStyle(each).color);
      return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05) < 4.5;
    }).map((each) => each.className || each.tagName);
}"""
