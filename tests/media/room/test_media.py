"""People who see and hear each other: a real pod, a real WebRTC stack on the other side."""

from __future__ import annotations

import asyncio

import pytest

from media.room.client import Client
from media.room.peer import MediaClient, Picture, Tone, loopback
from media.room.pod import Pod, until

__all__ = ["loopback"]

pytestmark = pytest.mark.usefixtures("loopback")


async def test_two_people_see_and_hear_each_other(pod: Pod) -> None:
    async with MediaClient(pod, "alice") as alice, MediaClient(pod, "bob") as bob:
        await alice.join()
        answer = await alice.publish((Picture(60), "camera"), (Tone(), "microphone"))
        assert len(answer["tracks"]) == 2
        welcome = await bob.join()
        tracks = {t["kind"]: t["id"] for t in welcome["participants"][0]["tracks"]}
        assert {t["source"] for t in welcome["participants"][0]["tracks"]} == {
            "camera",
            "microphone",
        }
        await bob.brightness(tracks["video"], 60)
        assert (await bob.frame(tracks["audio"])).samples > 0
        await bob.publish((Picture(200), "camera"))
        published = await alice.expect("track_published")
        await alice.brightness(published["track"]["id"], 200)
        types = [event["type"] for event in await pod.events()]
        assert types.count("track.published") == 3
        speakers = await bob.expect("speakers")
        assert speakers["speakers"][0]["sid"] == welcome["participants"][0]["sid"]
        assert 0 < speakers["speakers"][0]["level"] <= 1


async def test_a_muted_track_is_told_and_not_forwarded_until_unmuted(pod: Pod) -> None:
    async with MediaClient(pod, "alice") as alice, MediaClient(pod, "bob") as bob:
        await bob.join()
        await alice.join()
        picture = Picture(60)
        track = (await alice.publish((picture, "camera")))["tracks"][0]["id"]
        await bob.brightness(track, 60)
        await alice.send(type="mute", track=track, muted=True)
        assert (await bob.expect("track_muted"))["muted"] is True
        picture.brightness = 200
        with pytest.raises(TimeoutError):
            await bob.brightness(track, 200, seconds=1.5)
        await alice.send(type="mute", track=track, muted=False)
        await bob.expect("track_muted", muted=False)
        await bob.brightness(track, 200)


async def test_a_viewer_receives_and_may_not_publish(pod: Pod) -> None:
    async with MediaClient(pod, "host", "host") as host, MediaClient(pod, "eve", "viewer") as eve:
        await host.join()
        track = (await host.publish((Picture(90), "screen")))["tracks"][0]["id"]
        await eve.join()
        await eve.brightness(track, 90)
        await eve.send(type="offer", pc="publish", id=7, sdp="v=0", tracks=[])
        error = await eve.expect("error")
        assert (error["code"], error["id"]) == ("not_allowed", 7)
        assert not [m for m in host.messages if m["type"] == "track_published"]


async def test_media_flows_on_while_the_socket_is_lost_and_after_the_resume(pod: Pod) -> None:
    async with MediaClient(pod, "alice") as alice, MediaClient(pod, "bob") as bob:
        await bob.join()
        sid = (await alice.join())["you"]["sid"]
        picture = Picture(60)
        track = (await alice.publish((picture, "camera")))["tracks"][0]["id"]
        await bob.brightness(track, 60)
        alice.drop()
        await alice.closed()
        picture.brightness = 120
        await bob.brightness(track, 120)
        offers = len([m for m in alice.messages if m["type"] == "offer"])
        welcome = await alice.join(resume=True)
        assert (welcome["resumed"], welcome["you"]["sid"]) == (True, sid)
        assert [t["id"] for t in welcome["you"]["tracks"]] == [track]
        picture.brightness = 180
        await bob.brightness(track, 180)
        assert offers == len([m for m in alice.messages if m["type"] == "offer"])
        # What is published while somebody's socket is away is offered to it afterwards.
        bob.drop()
        await bob.closed()
        screen = (await alice.publish((Picture(220), "screen")))["tracks"][1]["id"]
        await bob.join(resume=True)
        await bob.brightness(screen, 220)
        assert not [m for m in alice.messages if m["type"] == "participant_left"]


async def test_a_lost_socket_without_media_left_is_noticed_early(pod: Pod) -> None:
    async with MediaClient(pod, "alice") as alice, MediaClient(pod, "bob") as bob:
        await bob.join()
        await alice.join()
        track = (await alice.publish((Picture(60), "camera")))["tracks"][0]["id"]
        await bob.brightness(track, 60)
        began = asyncio.get_running_loop().time()
        alice.drop()
        await alice.publishing.close()
        left = await bob.expect("participant_left", seconds=15)
        assert left["reason"] == "connection_lost"
        assert asyncio.get_running_loop().time() - began < 12


async def test_an_m_line_is_used_again_by_the_next_track(pod: Pod) -> None:
    async with MediaClient(pod, "viewer", "viewer") as viewer:
        await viewer.join()
        for brightness in (60, 120, 180):
            async with MediaClient(pod, f"guest-{brightness}") as guest:
                await guest.join()
                track = (await guest.publish((Picture(brightness), "camera")))["tracks"][0]["id"]
                await viewer.brightness(track, brightness)
                answered = viewer.answered
                await guest.send(type="leave")
                await viewer.expect("participant_left", identity=f"guest-{brightness}")
                await until(lambda seen=answered: viewer.answered > seen)
        assert len(viewer.subscribing.getTransceivers()) == 1


async def test_a_track_that_is_removed_is_unpublished_and_may_come_back(pod: Pod) -> None:
    async with MediaClient(pod, "alice") as alice, MediaClient(pod, "bob") as bob:
        await bob.join()
        await alice.join()
        tracks = (await alice.publish((Picture(60), "camera"), (Tone(), "microphone")))["tracks"]
        camera = next(t["id"] for t in tracks if t["mid"] == "0")
        await bob.brightness(camera, 60)
        transceiver = alice.publishing.getTransceivers()[0]
        transceiver.direction = "inactive"
        answer = await alice.negotiate()
        assert [t["mid"] for t in answer["tracks"]] == ["1"]
        assert (await bob.expect("track_unpublished"))["track"] == camera
        transceiver.direction = "sendonly"
        again = (await alice.negotiate())["tracks"]
        camera = next(t["id"] for t in again if t["mid"] == "0")
        await bob.brightness(camera, 60)


async def test_more_tracks_than_allowed_are_refused_and_the_rest_goes_on(pod: Pod) -> None:
    async with MediaClient(pod, "alice") as alice:
        await alice.join()
        await alice.publish(*((Tone(), "microphone") for _ in range(8)))
        alice.publishing.addTrack(Tone())
        offer = await alice.publishing.createOffer()
        await alice.send(type="offer", pc="publish", id=50, sdp=offer.sdp, tracks=[])
        assert (await alice.expect("error"))["code"] == "track_limit"
        participant = (await Client(pod, "bob").join())["participants"][0]
        assert len(participant["tracks"]) == 8


async def test_fifty_joins_and_leaves_with_media_leak_nothing(pod: Pod) -> None:
    async with MediaClient(pod, "watcher") as watcher:
        await watcher.join()
        await cycle(pod, watcher, 5)
        descriptors, memory = pod.descriptors(), pod.memory_kib()
        await cycle(pod, watcher, 45)
        assert pod.descriptors() <= descriptors + 2
        assert pod.memory_kib() - memory < 12_000
    metrics = await pod.metrics()
    assert metrics["relay_media_participants"] == 0
    assert metrics["relay_media_port_peers"] == 0
    assert metrics["relay_media_tasks"] < 12


async def cycle(pod: Pod, watcher: MediaClient, times: int) -> None:
    for number in range(times):
        async with MediaClient(pod, f"guest-{number}") as guest:
            await guest.join()
            answer = await guest.publish((Tone(), "microphone"))
            await watcher.frame(answer["tracks"][0]["id"])
            await guest.send(type="leave")
            await guest.closed()
    await watcher.send(type="ping", t=times)
    await watcher.expect("pong", t=times)
