"""What names mean under any @context, and how documents are kept (clauses 5.5.6, 5.13)."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from cityos.contexts.library import CONTEXTS_PATH, Library
from cityos.contexts.shelf import Kind
from cityos.egress.http import Egress
from cityos.ngsi.context import CORE, DEFAULT_VOCABULARY
from cityos.ngsi.core_context import CORE_ADDRESS, CORE_ADDRESSES
from cityos.ngsi.error import BadRequestData, LdContextNotAvailable
from cityos.ngsi.value import Json, JsonObject
from cityos.store.store import Store
from tests.cityos.egress.serving import answer, serve
from tests.fakes import FakeClock

T = "yukino"


def document(said: Json) -> bytes:
    return answer(200, orjson.dumps({"@context": said}), Content_Type="application/ld+json")


async def meaning(library: Library, said: Json, name: str, tenant: str = T) -> str:
    return (await library.compiled(said, tenant)).expand(name)


@pytest.mark.parametrize("address", CORE_ADDRESSES)
async def test_core_contexts_are_built_in(library: Library, address: str) -> None:
    assert await library.compiled(address, T) is CORE
    assert await meaning(library, [{"a": "urn:x:a"}, address], "a") == "urn:x:a"


async def test_only_core_contexts_that_exist_are_built_in(library: Library) -> None:
    with pytest.raises(LdContextNotAvailable, match="non-existing"):
        await library.compiled("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-non-existing.jsonld", T)


async def test_the_citys_context_is_known_by_any_of_its_addresses(library: Library) -> None:
    for address in ("http://a.example/ngsi-ld/v1/jsonldContexts/cityos", "/ngsi-ld/v1/jsonldContexts/cityos"):
        assert await meaning(library, address, "snow") == "urn:city:snow"


async def test_a_document_is_fetched_once_and_kept(library: Library, store: Store, egress: Egress) -> None:
    """Clause 5.13.1: what was fetched is cached, over restarts, also when its server has gone."""
    async with serve(document({"a": "urn:x:a"})) as server:
        for _ in range(3):
            assert await meaning(library, [server.url, CORE_ADDRESS], "a") == "urn:x:a"
        assert await meaning(library, server.url, "a") == "urn:x:a"
    assert len(server.asked) == 1
    assert b"accept: application/ld+json" in server.asked[0].lower()
    again = Library(store, egress, FakeClock().now, {})
    assert await meaning(again, server.url, "a") == "urn:x:a"
    assert await meaning(again, server.url, "a", tenant="other") == "urn:x:a"


async def test_all_who_ask_at_once_wait_for_one_fetch(library: Library) -> None:
    async with serve(document({"a": "urn:x:a"}), trickle_s=0.001) as server:
        said: list[Json] = [[server.url, {"b": f"urn:x:{number}"}] for number in range(20)]
        asking = [asyncio.create_task(meaning(library, one, "a")) for one in said]
        await asyncio.sleep(0.05)
        asking.pop().cancel()  # one who gives up does not take it from the others
        assert set(await asyncio.gather(*asking)) == {"urn:x:a"}
    assert len(server.asked) == 1


async def test_documents_may_name_documents(library: Library) -> None:
    """Nested lists, relative addresses, later over earlier (JSON-LD 1.1, 3.1)."""
    outer = document([["b.jsonld"], {"a": "urn:x:a"}])
    async with serve(outer, document({"a": "urn:y:a", "b": "urn:y:b"})) as server:
        context = await library.compiled([[server.url]], T)
    assert (context.expand("a"), context.expand("b")) == ("urn:x:a", "urn:y:b")
    assert server.asked[1].startswith(b"GET /data/b.jsonld ")


async def test_documents_in_a_circle_are_refused(library: Library) -> None:
    async with serve(document(["a.csv", {"a": "urn:x:a"}])) as server:
        with pytest.raises(BadRequestData, match="nested deeper"):
            await library.compiled(server.url, T)
    assert len(server.asked) == 1


async def test_too_many_documents_are_refused(library: Library) -> None:
    async with serve(document([f"{number}.jsonld" for number in range(50)])) as server:
        with pytest.raises(BadRequestData, match="more than 50 documents"):
            await library.compiled(server.url, T)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "content", [b"this is { not json", b'{"note": 1}', b"[]", b'{"@context": 42}', b'{"@context": [true]}', b""]
)
async def test_what_is_no_context_is_bad_data_and_not_kept(library: Library, content: bytes) -> None:
    """Clause 5.5.6: a remote @context that is invalid is BadRequestData."""
    async with serve(answer(200, content)) as server:
        with pytest.raises(BadRequestData, match=r"@context http://127\.0\.0\.1"):
            await library.compiled(server.url, T)
    assert await library.list_all(T) == []


@pytest.mark.parametrize("reply", [answer(404), answer(500), answer(200, b"x" * 1_000_001), b""])
async def test_what_cannot_be_had_is_not_available(library: Library, reply: bytes) -> None:
    """Clause 5.5.6: a remote @context that is not available is LdContextNotAvailable."""
    async with serve(reply) as server:
        with pytest.raises(LdContextNotAvailable, match=r"@context http://127\.0\.0\.1"):
            await library.compiled(server.url, T)


@pytest.mark.parametrize(
    "address", ["/relative", "nonsense", "http://10.0.0.1/c", "file:///etc/passwd", "", "http://["]
)
async def test_addresses_that_must_not_be_asked_are_not_available(library: Library, address: str) -> None:
    with pytest.raises(LdContextNotAvailable):
        await library.compiled(address, T)


async def test_an_address_that_failed_is_not_asked_again_at_once(library: Library) -> None:
    async with serve(answer(500)) as server:
        for number in range(5):
            with pytest.raises(LdContextNotAvailable):
                await library.compiled([server.url, {"a": f"urn:x:{number}"}], T)
    assert len(server.asked) == 1


async def test_a_hosted_context_belongs_to_its_tenant(library: Library) -> None:
    """Clauses 5.13.2, 5.5.10."""
    context_id = await library.host(T, {"@context": {"a": "urn:x:a"}})
    for address in (CONTEXTS_PATH + context_id, f"http://any.example{CONTEXTS_PATH}{context_id}"):
        assert await meaning(library, address, "a") == "urn:x:a"
    assert await library.find("other", context_id) is None
    with pytest.raises(LdContextNotAvailable):
        await library.compiled(CONTEXTS_PATH + context_id, "other")


@pytest.mark.parametrize("said", [42, True, ["http://a.example/", 7], {"a": 5}, {"a": "no iri"}])
async def test_what_is_no_context_is_not_hosted(library: Library, said: Json) -> None:
    with pytest.raises(BadRequestData, match="@context"):
        await library.host(T, {"@context": said})
    assert await library.list_all(T) == []


async def test_a_context_made_of_several_gets_one_address(library: Library) -> None:
    """Clause 5.13.1: implicitly created, so that one address can stand for it; the same one has the same address."""
    said: Json = [{"a": "urn:x:a"}, {"b": "urn:x:b"}]
    path = await library.path_of(T, said)
    assert await library.path_of(T, said) == path
    assert (await meaning(library, path, "a"), await meaning(library, path, "b")) == ("urn:x:a", "urn:x:b")
    found = await library.find(T, path)
    assert found is not None
    assert (found.kind, found.document) == (Kind.IMPLICIT, {"@context": said})
    assert await library.path_of(T, [["http://a.example/c"]]) == "http://a.example/c"


async def test_deleting_takes_effect_at_once(library: Library) -> None:
    """Clause 5.13.5."""
    context_id = await library.host(T, {"@context": {"a": "urn:x:a"}})
    path = CONTEXTS_PATH + context_id
    assert await meaning(library, path, "a") == "urn:x:a"
    entry = await library.find(T, path)
    assert entry is not None
    await library.delete(T, entry)
    assert await library.find(T, path) is None
    with pytest.raises(LdContextNotAvailable):
        await library.compiled(path, T)


async def test_reloading_takes_effect_at_once_and_keeps_the_old_one_on_failure(library: Library) -> None:
    """Clause 5.13.5.4."""
    replies = (document({"a": "urn:x:1"}), document({"a": "urn:x:2"}), answer(500), document(42))
    async with serve(*replies) as server:
        assert await meaning(library, server.url, "a") == "urn:x:1"
        entry = await library.find(T, server.url)
        assert entry is not None
        await library.reload(entry)
        assert await meaning(library, server.url, "a") == "urn:x:2"
        for _ in range(2):
            with pytest.raises(LdContextNotAvailable):
                await library.reload(entry)
        assert await meaning(library, server.url, "a") == "urn:x:2"


async def test_use_is_counted_and_written_later(library: Library, store: Store, clock: FakeClock) -> None:
    """Clause 5.13.3.5: numberOfHits and lastUsage."""
    path = CONTEXTS_PATH + await library.host(T, {"@context": {"a": "urn:x:a"}})
    for _ in range(3):
        clock.forward(minutes=1)
        await library.compiled([path, {"b": "urn:x:b"}], T)
    await library.flush()
    for known in (library, Library(store, library._egress, clock.now, {})):
        found = await known.find(T, path)
        assert found is not None
        assert (found.usage.hits, found.usage.used_at) == (3, clock.now())


async def test_inline_contexts_large_and_small_mean_what_they_say(library: Library) -> None:
    large: JsonObject = {f"t{number}": f"urn:x:{number}" for number in range(5_000)}
    assert await meaning(library, large, "t4999") == "urn:x:4999"
    assert await meaning(library, {"a": "urn:x:a"}, "b") == DEFAULT_VOCABULARY + "b"
    with pytest.raises(BadRequestData):
        await library.compiled({"a": 5}, T)
