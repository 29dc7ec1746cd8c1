"""What a template was compiled to is used again as long as its text is the same."""

import jinja2

from newsletter.rendering.codes import KEPT, Codes


def environment(codes: Codes, texts: dict[str, str]) -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.DictLoader(texts), autoescape=True, bytecode_cache=codes)


def test_a_text_is_compiled_once_for_all_environments_and_anew_when_it_was_changed() -> None:
    codes, compiled = Codes(), []
    texts = {"a": "one {{ x }}", "b": "one {{ x }}"}

    def rendered(name: str) -> str:
        new = environment(codes, texts)
        whole = new.compile
        new.compile = lambda *words: compiled.append(name) or whole(*words)  # type: ignore[assignment, func-returns-value, call-overload]
        return new.get_template(name).render(x="<")

    assert [rendered("a"), rendered("a"), rendered("b")] == ["one &lt;"] * 3
    assert compiled == ["a", "b"]
    texts["a"] = "two {{ x }}"
    assert [rendered("a"), rendered("a")] == ["two &lt;"] * 2
    texts["a"] = "one {{ x }}"
    assert rendered("a") == "one &lt;"
    assert compiled == ["a", "b", "a"]


def test_templates_that_are_changed_for_ever_take_no_more_room() -> None:
    codes = Codes()
    for number in range(KEPT + 5):
        assert environment(codes, {"a": f"{number}"}).get_template("a").render() == str(number)
    assert len(codes._codes) == KEPT
