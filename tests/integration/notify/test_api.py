"""The API and the pages for people."""

from __future__ import annotations

from integration.notify.harness import DESK, IDS, Mailbox, Notify, Receiver, a_breach, until
from pledge.events import PageAcknowledged
from support.waiting import eventually

HTML = {"accept": "text/html"}


async def test_lists_are_cut_into_pages_by_a_cursor(notify: Notify, receiver: Receiver) -> None:
    await notify.start()
    await notify.publish(*[a_breach(number=f"DEMO-{number}") for number in range(5)])
    await until(lambda: len(receiver.pages()) == 5, "all pages arrive")

    for path in ("/pages", "/deliveries"):
        found, cursor = [], None
        while True:
            params = {"limit": 2} if cursor is None else {"limit": 2, "cursor": cursor}
            answer = (await notify.request("GET", path, params=params)).json()
            found += [item["ticket_number"] for item in answer["items"]]
            if (cursor := answer["next"]) is None:
                break
        assert sorted(found) == [f"DEMO-{number}" for number in range(5)]
    one = await notify.get("/pages", ticket="DEMO-3")
    assert [page["ticket_number"] for page in one] == ["DEMO-3"]
    assert await notify.get("/pages", state="resolved") == []


async def test_wrong_questions_get_clear_answers(notify: Notify) -> None:
    await notify.start()
    for path, status, words in (
        ("/pages?cursor=nonsense", 400, "cursor"),
        ("/pages?state=sleeping", 422, "sleeping"),
        ("/pages/not-an-id", 422, "page_id"),
        (f"/pages/{IDS.new()}", 404, "no such page"),
        ("/a/nonsense", 404, "not complete"),
    ):
        answer = await notify.request("GET", path)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert words in answer.text


async def test_another_desks_people_see_nothing(notify: Notify, receiver: Receiver) -> None:
    await notify.start()
    await notify.publish(a_breach())
    await until(lambda: bool(receiver.pages()), "the page arrives")
    page_id = receiver.pages()[0].json["page_id"]

    assert await notify.get("/pages", desk=DESK) != []
    stranger = {"desks": ["other"]}
    listed = await notify.request("GET", "/pages", claims=stranger)
    assert listed.json()["items"] == []
    assert (await notify.request("GET", "/on-call", claims=stranger)).json()["items"] == []
    for method, path in (("GET", ""), ("POST", "/acknowledge")):
        hidden = await notify.request(method, f"/pages/{page_id}{path}", claims=stranger)
        assert hidden.status_code == 404


async def test_a_test_page_goes_the_way_of_a_real_one(notify: Notify, receiver: Receiver) -> None:
    await notify.start()
    body = {"desk": DESK, "escalation": "on-call"}
    answer = await notify.request("POST", "/pages/test", json=body)
    assert answer.status_code == 201, answer.text
    await until(lambda: bool(receiver.pages()), "the test page arrives")

    page_id = receiver.pages()[0].json["page_id"]
    assert page_id == answer.json()["id"]
    await notify.request("POST", f"/pages/{page_id}/acknowledge")

    async def is_told() -> bool:
        return len(await notify.events(PageAcknowledged)) == 1

    await eventually(is_told)
    unknown = await notify.request("POST", "/pages/test", json={**body, "escalation": "none"})
    assert unknown.status_code == 422
    assert "on-call" in unknown.json()["detail"]


async def test_it_says_who_is_on_call(notify: Notify) -> None:
    await notify.start()

    (now,) = await notify.get("/on-call", desk=DESK)
    shifts = await notify.get(
        "/on-call", desk=DESK, at="2026-01-05T00:00:00Z", until="2026-01-26T00:00:00Z"
    )

    assert (now["rotation"], now["name"]) == ("first", "Anna Adler")
    assert [shift["from"] for shift in shifts][1:] == [
        "2026-01-05T08:00:00.000Z", "2026-01-12T08:00:00.000Z", "2026-01-19T08:00:00.000Z",
    ]  # fmt: skip


async def test_people_get_pages_they_can_read(
    notify: Notify, receiver: Receiver, mailbox: Mailbox
) -> None:
    await notify.start()
    await notify.publish(a_breach(severity="quick", ticket_id=IDS.new()))
    await until(lambda: bool(mailbox.mails), "the page escalates")
    page_id = receiver.pages()[0].json["page_id"]

    start = await notify.request("GET", "/", headers=HTML)
    one = await notify.request("GET", f"/pages/{page_id}", headers=HTML)

    assert start.status_code == one.status_code == 200
    assert "Mail is down" in start.text
    assert "anna@demo.example" in one.text
    assert "Acknowledge" in one.text
