"""Whether two lists name the same people: order, initials, and letters of other scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds import authors, romanised

# Of each person how they are written in Cyrillic letters, and how in Latin ones.
PEOPLE = (
    (("Иван Петров", "Петров Иван Сергеевич", "Петров И. С.", "И. С. Петров"), ("Ivan Petrov", "I. S. Petrov")),
    (("Никита Хрущёв", "Хрущев, Никита"), ("Nikita Khrushchev", "N. Chruščev", "Hruščëv, Nikita")),
    (("Юрий Андреевич Соловьёв", "Ю. Соловьев"), ("Yury Solovyov", "Iurii Solovev", "Jurij Solov'ev", "Y. Soloviev")),
    (("Володимир Зеленський",), ("Volodymyr Zelenskyy", "Volodymyr Zelensky", "Zelenskyi V.")),
    (("Евгений Щербаков", "Щербаков Е."), ("Evgeny Shcherbakov", "Yevgeny Scherbakov", "Shcherbakov, E.")),
    (("Яков Цыпкин", "Цыпкин Я. З."), ("Yakov Tsypkin", "Ya. Z. Tsypkin", "Jakov Cypkin")),
    (("Лев Понтрягин",), ("Lev Pontryagin", "L. S. Pontrjagin")),
    (("Ольга Ладыженская", "Ладыженская Ольга Александровна"), ("Olga Ladyzhenskaya", "O. A. Ladyženskaja")),
    (("Александр Ляпунов",), ("Aleksandr Lyapunov", "Alexander Liapunov")),
    (("Алексей Алексеев",), ("Alexey Alexeyev", "A. Alekseev")),
    (("Новак Ђоковић",), ("Novak Djokovic", "Novak Đoković")),
    (("Сергій Олексійович Гнатюк",), ("Serhii Hnatiuk", "S. Hnatyuk")),
    (("Вернер Шульц",), ("Werner Schulz", "Verner Shults")),
    (("Пётр Капица",), ("Pyotr Kapitsa", "Peter Kapitza")),
    (("Роман Аркадьевич Абрамович",), ("Roman Abramovich",)),
    (("Зинаида Мамин-Сибиряк",), ("Zinaida Mamin-Sibiryak", "Z. Mamin-Sibirjak")),
)
PERSON = st.sampled_from(range(len(PEOPLE)))


@pytest.mark.parametrize("person", PEOPLE, ids=[latin[0] for _, latin in PEOPLE])
def test_a_name_in_cyrillic_is_known_by_its_usual_spellings(person: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    cyrillic, latin = person
    pairs = [(one, other) for one in cyrillic for other in latin]
    assert [pair for pair in pairs if not authors.same(pair[:1], pair[1:])] == []


def drawn(data: st.DataObject, person: int, *scripts: int) -> str:
    return data.draw(st.sampled_from([name for script in scripts for name in PEOPLE[person][script]]))


@given(st.lists(PERSON, min_size=1, max_size=6, unique=True), st.data())
def test_people_are_the_same_in_whatever_letters(chosen: list[int], data: st.DataObject) -> None:
    turned = data.draw(st.lists(st.booleans(), min_size=len(chosen), max_size=len(chosen)))
    one = [drawn(data, person, turn) for person, turn in zip(chosen, turned, strict=True)]
    other = [drawn(data, person, not turn) for person, turn in zip(chosen, turned, strict=True)]
    assert authors.same(one, other)
    assert authors.same(other, one)
    assert authors.agree(one, other) is authors.agree(other, one) is True


@given(st.lists(PERSON, min_size=2, max_size=8, unique=True), st.data())
def test_other_people_stay_others_in_whatever_letters(chosen: list[int], data: st.DataObject) -> None:
    names = [drawn(data, person, 0, 1) for person in chosen]
    one, other = names[: len(names) // 2], names[len(names) // 2 :]
    assert authors.agree(one, other) is authors.agree(other, one) is False
    assert not authors.same(one, other)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (["张伟"], ["Wei Zhang"], None),
        (["张伟", "李娜"], ["Wei Zhang", "Na Li"], None),
        (["张伟"], ["Wei Zhang", "Na Li"], False),
        (["张伟"], ["Wei Zhang", "et al."], None),
        (["张伟"], ["李娜"], False),
        (["张伟", "Maria Keller"], ["Wei Zhang", "Maria Keller"], True),
        (["张伟", "Maria Keller"], ["Wei Zhang", "Ada Quist"], False),
        (["Γιώργος Παππάς"], ["Giorgos Pappas"], None),
        (["Γιώργος Παππάς"], ["Γιώργος Νίκου"], False),
        (["Иван Петров"], ["张伟"], None),
        (["Wei Zhang"], ["Wei Zhou"], False),
        (["Zhang Wei"], ["Wei Zhang"], True),
        (["Petrov I. S."], ["Ivan Petrov"], True),
        (["The Silt Collaboration"], ["Ivan Petrov"], None),
    ],
)
def test_what_two_lists_tell_of_each_other(one: list[str], other: list[str], agree: bool | None) -> None:
    assert authors.agree(one, other) is agree
    assert authors.agree(other, one) is agree


@given(st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўђјљњћџѓќѕәғқңөұүһ", min_size=1, max_size=40))
def test_spellings_are_few_and_in_latin_letters(name: str) -> None:
    found = romanised.spellings(name)
    assert len(found) <= romanised.MOST
    assert found
    assert not any("\u0400" <= letter <= "\u052f" for spelling in found for letter in spelling)


@given(st.text(max_size=40))
def test_no_name_is_too_odd(name: str) -> None:
    assert authors.agree([name], [name]) in (None, True)
