"""The report in chromium: it draws, asks the network for nothing, and can be read and used by everybody."""

import csv
import io
import shutil

import pytest

from pipelines.report.entries import sections

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHARTS = [exhibit.id for section in sections() for exhibit in section.exhibits if exhibit.is_chart]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SCREENS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": PHONE,
    "dark phone": {"color_scheme": "dark", **PHONE},
}
CONTRAST_WANTED = 4.5

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is missing: the report is not tested in a browser"),
]

# Every visible text with its colour and the opaque colours below it, innermost first. The text of a chart is SVG: its
# colour is its fill, and a plot's own background is transparent.
TEXTS = """() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
        if (!text || !element.checkVisibility() || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName)) continue;
        const style = getComputedStyle(element), below = [];
        for (let at = element; at; at = at.parentElement) {
            const { backgroundColor } = getComputedStyle(at);
            if (backgroundColor !== "rgba(0, 0, 0, 0)") below.push(backgroundColor);
        }
        found.push({ text, colour: element instanceof SVGElement ? style.fill : style.color, below });
    }
    return found;
}"""

# What each chart shows: lines and bars as paths, points as marks.
DRAWN = """() => Object.fromEntries([...document.querySelectorAll(".chart")].map((chart) => [
    chart.dataset.exhibit,
    [...chart.querySelectorAll(".js-line, .points path")].filter((p) => p.getBBox().width > 0).length,
]))"""


@pytest.fixture(scope="module")
def address(sample_home):
    return (sample_home / "report" / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser(address):
    """Chromium, started after the run: both want an event loop of their own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture(scope="module", params=SCREENS)
def screen(request, browser, address):
    """The report opened on one kind of screen, with all that the browser complained of or asked for."""
    with browser.new_context(**SCREENS[request.param]) as context:
        page = context.new_page()
        page.heard, page.asked = [], []
        page.on("console", lambda message: page.heard.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on("request", lambda asked: page.asked.append(asked.url))
        page.goto(address)
        page.wait_for_selector("html[data-drawn]", timeout=60_000)
        yield page


def channels(colour):
    numbers = [float(n) for n in colour[colour.index("(") + 1 : -1].split(",")]
    assert len(numbers) == 3 or numbers[3] == 1, f"{colour} is not opaque"
    return [n / 255 for n in numbers[:3]]


def luminance(colour):
    """Relative luminance by WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio by WCAG 2.2, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_of_contrast_is_that_of_the_standard():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(118, 118, 118)", "rgb(255, 255, 255)") == pytest.approx(4.54, abs=0.01)


def test_nothing_is_complained_of_and_nothing_is_fetched(screen, address):
    assert screen.heard == []
    assert screen.asked == [address]


def test_every_chart_is_drawn(screen):
    drawn = screen.evaluate(DRAWN)
    assert set(drawn) == set(CHARTS)
    assert [name for name, marks in drawn.items() if marks == 0] == []


def test_text_stands_out_from_what_is_below_it(screen):
    texts = screen.evaluate(TEXTS)
    assert len(texts) > 500
    weak = {
        (t["text"], t["colour"], t["below"][0]) for t in texts if contrast(t["colour"], t["below"][0]) < CONTRAST_WANTED
    }
    assert weak == set()


def test_nothing_is_wider_than_the_screen(screen):
    widths = screen.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]


def test_the_keyboard_reaches_everything(screen):
    """Tab from the top: the skip link first, then every link, button, table and disclosure in the page's order."""
    wanted = screen.evaluate("""() => [...document.querySelectorAll("a[href], button, summary, [tabindex='0']")]
        .filter((e) => e.checkVisibility()).map((e, n) => { e.dataset.stop = n; return n; })""")
    screen.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    reached = []
    for _ in wanted:
        screen.keyboard.press("Tab")
        reached.append(screen.evaluate("() => Number(document.activeElement.dataset.stop ?? -1)"))
    assert reached == wanted
    assert len(wanted) > 100


def test_the_skip_link_shows_itself_and_leads_past_the_navigation(screen):
    screen.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    skip = screen.locator(".skip")
    skip.focus()
    assert skip.bounding_box()["x"] >= 0
    screen.keyboard.press("Enter")
    assert screen.url.endswith("#main")


def test_a_disclosure_opens_by_key(screen):
    summary = screen.locator("#exhibit-stress_index .more summary").last
    summary.focus()
    screen.keyboard.press("Enter")
    assert screen.locator("#exhibit-stress_index pre").is_visible()


def test_the_download_is_the_charts_data(screen):
    with screen.expect_download() as download:
        screen.locator("#exhibit-underwater a[download]").press("Enter")
    assert download.value.suggested_filename == "simulated-underwater-2026-03-31.csv"
    text = download.value.path().read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["name", "date", "drawdown_percent"]
    assert rows[-1]["date"] == "2026-03-31"
    assert {"Bitcoin", "IGV", "Software as a service"} <= {row["name"] for row in rows}


def test_the_time_span_changes_what_is_drawn(screen):
    first_day = "document.querySelector('[data-exhibit=underwater].chart').data[0].x[0]"
    days = {}
    for button in ("6 months", "All"):
        screen.get_by_role("button", name=button).press("Enter")
        screen.wait_for_function(f"document.querySelector('[aria-pressed=true]').textContent === '{button}'")
        screen.wait_for_timeout(1_000)
        days[button] = screen.evaluate(first_day)
    assert days["All"] < "2022-02-01" < "2025-09-29" < days["6 months"] < "2025-10-10"


def test_charts_follow_the_colour_scheme(screen):
    text_colour = "getComputedStyle(document.querySelector('#exhibit-underwater .chart .legendtext')).fill"
    seen = set()
    for scheme in ("light", "dark"):
        screen.emulate_media(color_scheme=scheme)
        screen.wait_for_timeout(1_500)
        seen.add(screen.evaluate(text_colour))
    assert seen == {"rgb(26, 31, 41)", "rgb(230, 233, 238)"}
