"""The text of a tool's result."""

from mcp_server.result_text import table


def test_the_fields_of_a_list_are_named_once() -> None:
    segments = [
        {"id": 7, "text": "“Hi”,\nshe said", "end": 1.5, "words": None},
        {"id": 8, "text": "a, b", "end": 2.0, "words": []},
    ]
    result = {"title": "Über uns", "next_skip": None, "live": True, "segments": segments, "names": ["Ada"], "none": []}
    assert table(result).splitlines() == [
        "title: Über uns",
        "live: true",
        "segments: id, text, end, words",
        '[7,"“Hi”,\\nshe said",1.5,null]',
        '[8,"a, b",2.0,[]]',
        'names: ["Ada"]',
        "none: []",
    ]
