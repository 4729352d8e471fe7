"""The page as a page: keyboard, small screens, colour schemes, assistive technology."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from browser.ground import Arrive, Ground
from browser.visitor import Visitor

SIZES = [(360, 640), (768, 1024), (1280, 720), (740, 360)]

CONTRAST = """() => {
  const channel = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = ([r, g, b]) =>
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const written = "h1, h2, p, label, button, input, select, span";
  for (const element of document.querySelectorAll(written)) {
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest(".screen, .tile, .visually-hidden")) continue;
    if (!(element.value ?? element.textContent).trim()) continue;
    const [a, b] = [luminance(parse(getComputedStyle(element).color)), luminance(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.textContent} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

NAMELESS = """() => [...document.querySelectorAll("button, input, select")]
  .filter((element) => element.checkVisibility())
  .filter((element) => !(element.innerText || element.textContent).trim()
    && !element.labels?.length && !element.ariaLabel)
  .map((element) => element.id)"""


async def in_lobby(ground: Ground, arrive: Arrive, **options: object) -> Visitor:
    ada = await arrive(ground.gateway.link("ada", invite=True), "Ada", **options)
    await expect(ada.page.locator("#preview .screen[data-video]")).to_be_visible()
    return ada


async def test_a_person_joins_mutes_and_leaves_by_keyboard_alone(
    ground: Ground, arrive: Arrive
) -> None:
    ada = await in_lobby(ground, arrive)
    keyboard = ada.page.keyboard
    await expect(ada.page.locator("#name")).to_be_focused()
    await keyboard.press("Control+A")
    await keyboard.type("Ada")
    await keyboard.press("Enter")
    await ada.is_live()
    assert await ada.page.evaluate("document.activeElement.id") == "call"
    for name in ["Unmute", "Mute"]:
        while await ada.page.evaluate("document.activeElement.id") != "toggle-microphone":
            await keyboard.press("Tab")
        await keyboard.press("Space")
        await expect(ada.page.get_by_role("button", name=name, exact=True)).to_be_focused()
    outline = await ada.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    while await ada.page.evaluate("document.activeElement.id") != "leave":
        await keyboard.press("Tab")
    await keyboard.press("Enter")
    await ada.ended("left")
    await expect(ada.page.locator("#ended-title")).to_be_focused()


@pytest.mark.parametrize("size", SIZES, ids=[f"{w}x{h}" for w, h in SIZES])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_size_and_scheme_is_readable_and_fits(
    ground: Ground, arrive: Arrive, size: tuple[int, int], scheme: str
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    ada = await in_lobby(ground, arrive, viewport=viewport, color_scheme=scheme)
    for view in ["lobby", "call"]:
        if view == "call":
            await ada.press_join()
            await ada.is_live()
            controls = await ada.page.locator(".controls").bounding_box()
            assert controls is not None
            assert controls["y"] + controls["height"] <= size[1]
        assert await ada.page.evaluate(OVERFLOW) == 0
        assert await ada.page.evaluate(CONTRAST) == []
        assert await ada.page.evaluate(NAMELESS) == []
        await ada.screenshot(f"{view}-{size[0]}x{size[1]}-{scheme}")


async def test_nothing_moves_for_those_who_asked_for_stillness(
    ground: Ground, arrive: Arrive
) -> None:
    ada = await in_lobby(ground, arrive, reduced_motion="reduce")
    moving = """[...document.querySelectorAll("*")].filter((element) => {
      const { transitionDuration, animationName } = getComputedStyle(element);
      return transitionDuration.split(",").some((time) => parseFloat(time) > 0)
        || animationName !== "none";
    }).length"""
    assert await ada.page.evaluate(moving) == 0


async def test_the_device_dialog_gives_the_focus_back(ground: Ground, arrive: Arrive) -> None:
    ada = await in_lobby(ground, arrive)
    await ada.press_join()
    await ada.is_live()
    await ada.page.get_by_role("button", name="Devices").click()
    await expect(ada.page.get_by_role("dialog", name="Devices")).to_be_visible()
    await ada.page.keyboard.press("Escape")
    await expect(ada.page.get_by_role("button", name="Devices")).to_be_focused()


async def test_the_token_is_kept_out_of_referrers_and_requests(
    ground: Ground, arrive: Arrive
) -> None:
    ada = await in_lobby(ground, arrive)
    seen: list[str] = []
    ada.page.on("request", lambda request: seen.append(request.url + str(request.headers)))
    await ada.page.reload()
    await expect(ada.page.locator("#lobby")).to_be_visible()
    token = (await ada.page.evaluate("location.hash")).split("=")[1]
    assert seen
    assert not [line for line in seen if token in line]


async def test_a_blocked_autoplay_is_offered_as_a_button(ground: Ground, arrive: Arrive) -> None:
    ada = await in_lobby(ground, arrive)
    await ada.page.evaluate(
        """() => { const play = HTMLMediaElement.prototype.play;
          HTMLMediaElement.prototype.play = function () {
            return this.localName === "audio" && !window.clicked
              ? Promise.reject(new DOMException("", "NotAllowedError")) : play.call(this); }; }"""
    )
    await ada.press_join()
    await ada.is_live()
    ben = await arrive(ground.gateway.link("ben"), "Ben")
    await ben.join()
    button = ada.page.get_by_role("button", name="Turn on sound")
    await expect(button).to_be_visible()
    await ada.page.evaluate("window.clicked = true")
    await button.click()
    await expect(button).to_be_hidden()
    await ada.hears("ben")
