"""Words as they are compared: plurals, accents, scripts, and where they stand."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.ranking.text import (
    LONGEST,
    Texts,
    muted_phrase,
    muted_phrases,
    mutes,
    plain_stream,
    singular,
    terms,
    tokens,
    word_stream,
    words,
)


def muted(phrase: str, *texts: str) -> bool:
    stream, plain = word_stream(texts), plain_stream(texts)
    found = [phrase for phrase in muted_phrases(phrase) if mutes(phrase, stream, plain)]
    # What is looked for in one text is looked for in many.
    assert [phrase for phrase in muted_phrases(phrase) if Texts([texts]).holding(phrase)] == found
    return bool(found)


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("adapters", "adapter"),
        ("studies", "study"),
        ("analyses", "analysis"),
        ("hypotheses", "hypothesis"),
        ("boxes", "box"),
        ("losses", "loss"),
        ("corpus", "corpus"),
        ("bias", "bia"),
        ("loss", "loss"),
        ("gas", "gas"),
        ("news", "news"),
    ],
)
def test_plurals_are_stripped_and_little_else(plural: str, one: str) -> None:
    assert singular(plural) == one


def test_case_accents_hyphens_and_genitives_do_not_matter() -> None:
    assert words("Schrödinger's Low-Rank LLMs") == words("schrodinger low rank LLM")


def test_code_names_keep_their_signs() -> None:
    assert words("C++ and C# beside C") == ["c++", "and", "c#", "beside", "c"]


def test_pairs_do_not_cross_words_without_meaning() -> None:
    assert terms("training of large models") == ["training", "large", "model", "large model"]


def test_unspaced_scripts_become_pairs_of_characters() -> None:
    assert words("扩散模型 LLM") == ["扩散", "散模", "模型", "llm"]
    assert words("猫") == ["猫"]


def test_marks_belong_to_the_letter_before_them() -> None:
    assert words("Zoe\u0308's cafe\u0301") == words("Zoë's café") == ["zoe", "cafe"]
    assert words("نماذج مُحَوِّلة") == ["نماذج", "محولة"]
    assert len(words("हिन्दी भाषा मॉडल")) == 3


@given(st.text(max_size=300))
def test_tokens_stand_where_they_say(text: str) -> None:
    found = tokens(text)
    assert all(0 <= token.start < token.end <= len(text) for token in found)
    assert [token.start for token in found] == sorted(token.start for token in found)
    assert [token.word for token in found] == words(text)


@given(st.text(max_size=300))
def test_terms_come_from_any_text(text: str) -> None:
    assert all(term.strip() for term in terms(text))


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("diffusion model", "Diffusion Models for all"),
        ("DIFFUSION-MODELS", "a diffusion model"),
        ("LLM", "Small LLMs reason"),
        ("survey", "A survey"),
        ("扩散", "关于扩散模型的研究"),
        ("猫", "关于猫的研究"),
        ("C++", "Rewriting C++ code"),
        ("transformer", "Transformers at work"),
        ("transformers", "A trans\u00adformer"),
        ("self-play", "Agents by self play"),
        ("self play", "Agents by Self-Play"),
        ("self-play", "Selfplay for agents"),
        ("finetuning", "Fine-tuning of models"),
        ("self-play agents", "Many selfplay agents"),
        ("GPT-4", "What GPT4 knows"),
        ("Polyak-Lojasiewicz", "the Polyak–Łojasiewicz inequality"),
        ("Erdős–Rényi graph", "ERDOS-RENYI graphs"),
        ("SØRENSEN", "Sorensen's index"),
        ("text to image", "Text-to-Image models"),
        ("fine-tuning", "Fine\u2010tuning"),
        ("large language models", "a Large Language Model (LLM)"),
        ("M\u00fcller", "The Mu\u0308ller net"),
        ("ﬁne-tuning", "fine-tuning"),
        ("محول", "مُحَوِّل جديد"),
        ("محول", "محـــول"),
        ("हिन्दी", "हिन्दी भाषा"),
        ("модель", "Новая МОДЕЛЬ"),
        ("テスト", "ﾃｽﾄの方法"),
        ("ภาษา", "แบบจำลองภาษาไทย"),
        ("matrix", "Random Matrices"),
        ("confusion matrices", "A confusion matrix"),
        ("index", "BUILDING INDICES"),
        ("indices", "An index"),
        ("bias", "Biases of judges"),
        ("inductive biases", "an inductive bias"),
        ("analysis", "Two analyses"),
        ("analyses", "One analysis"),
        ("basis", "Bases of a space"),
        ("bases", "a basis"),
        ("bases", "a base"),
        ("base", "many bases"),
        ("axis", "Along both axes."),
        ("diagnosis", "Missed diagnoses"),
        ("submatrix", "submatrices"),
        ("KV cache", "Compressed KV Caches"),
        ("KV caches", "a KV cache"),
        ("movie", "Movies of robots"),
        ("corpus", "Parallel Corpora"),
        ("corpora", "a corpus"),
        ("phenomenon", "two phenomena"),
        ("stimulus", "Stimuli and responses"),
        ("echo", "Echoes of a room"),
        ("virus", "two viruses"),
        ("low-rank matrix", "Low rank matrices"),
        ("AI", "What A.I. is"),
        ("A.I.", "What AI is"),
        ("A.I.", "What A.I is"),
        ("a.i. safety", "On AI Safety"),
        ("AI safety", "On A.I. safety."),
        ("LLM", "使用LLM的方法"),
        ("LLM", "使用LLMs的方法"),
        ("LLM agents", "関する LLM agentsの研究"),
        ("LLM", "LLM을 사용"),
        ("C++", "用C++写的"),
        ("random matrix", "关于Random Matrices的研究"),
        ("的方法", "使用LLM的方法"),
    ],
)
def test_muted_words_are_found(phrase: str, text: str) -> None:
    assert muted(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("rag", "Storage for fragments"),
        ("diffusion model", "a model of diffusion"),
        ("C", "Rewriting C++ code"),
        ("हिन्दी", "हिन"),
        ("transformer", "transformative"),
        ("self-play", "She plays herself"),
        ("self-play", "a self, and then to play"),
        ("self play", "Selfplay for agents"),
        ("play agents", "self-play-agentsets"),
        ("扩散", "关于猫的研究"),
        ("news", "a new paper"),
        ("AI", "they said"),
        ("AI", "vitamin A. I think"),
        ("A.I.", "vitamin A. I think"),
        ("A.I.", "class A I think"),
        ("AI", "X.A.I.N"),
        ("suffix", "It suffices"),
        ("taxis", "New taxes"),
        ("CAS", "many cases"),
        ("cache", "Geocaches"),
        ("spectrum", "Spectral methods"),
        ("child", "Fairchildren"),
        ("automaton", "automatable work"),
        ("POS", "two poses"),
        ("basis", "a base model"),
        ("axis", "Ax = b"),
        ("diagnosis", "to diagnose"),
        ("LLM", "使用LLMX的方法"),
        ("LM", "使用LLM的方法"),
    ],
)
def test_muted_words_end_where_words_end(phrase: str, text: str) -> None:
    assert not muted(phrase, text)


WORDS = st.text(alphabet="abcdefghijklmnopqrtuvwxyzäéłøß", min_size=2, max_size=8)
SPELLINGS = st.sampled_from(["-", " ", "\u2010", "\u2011", "  ", "\n"])


@st.composite
def spelled(draw: st.DrawFn, words: list[str]) -> str:
    """Return words as others may write them: in any case, with accents or without, with hyphens or blanks."""
    text = words[0]
    for word in words[1:]:
        text += draw(SPELLINGS) + word
    text = draw(st.sampled_from([text, text.upper(), text.title()]))
    form = draw(st.sampled_from(["NFC", "NFD"]))
    bare = {"ä": "a", "é": "e", "ł": "l", "ø": "o", "ß": "ss"}
    if draw(st.booleans()):
        text = "".join(bare.get(letter, letter) for letter in text)
    return unicodedata.normalize(form, text)


@given(st.data(), st.lists(WORDS, min_size=1, max_size=4))
def test_muted_words_are_found_however_they_are_written(data: st.DataObject, given_words: list[str]) -> None:
    phrase, text = data.draw(spelled(given_words)), data.draw(spelled(given_words))
    assert muted(phrase, f"Before, {text}; and behind.")
    assert muted(phrase, "Another title", f"({text})")


@given(st.lists(WORDS, min_size=2, max_size=3), st.sampled_from("-\u2010\u2011"), st.sampled_from(["", "-", " "]))
def test_a_hyphen_is_a_blank_or_nothing_in_what_is_muted_and_in_what_is_read(
    given_words: list[str], hyphen: str, between: str
) -> None:
    hyphened, other = hyphen.join(given_words), between.join(given_words)
    assert muted(hyphened, f"On {other} today")
    assert muted(other, f"On {hyphened} today")


PLURALS = [("matrix", "matrices"), ("index", "indices"), ("bias", "biases"), ("analysis", "analyses"),
           ("vertex", "vertices"), ("crisis", "crises"), ("axis", "axes"), ("lens", "lenses")]  # fmt: skip


@given(st.data(), st.lists(WORDS, max_size=2), st.sampled_from(PLURALS), st.lists(WORDS, max_size=2))
def test_one_mutes_many_and_many_mute_one(
    data: st.DataObject, before: list[str], forms: tuple[str, str], behind: list[str]
) -> None:
    phrase, text = ([*before, data.draw(st.sampled_from(forms)), *behind] for _ in range(2))
    assert muted(data.draw(spelled(phrase)), f"On {data.draw(spelled(text))} today")


@given(st.text(alphabet="bcdfgklmnpqrtvwz", min_size=2, max_size=6), st.sampled_from(["matters", "模型", "모델", ""]))
def test_initials_and_words_beside_other_scripts_are_whole_words(word: str, beside: str) -> None:
    dotted = "".join(f"{letter}." for letter in word)
    between = " " if beside.isascii() else ""
    for muting in (word, word.upper(), dotted):
        for text in (f"{beside}{between}{word}{between}{beside}", f"{beside} {dotted.upper()} {beside}"):
            assert muted(muting, text)
        assert not muted(muting, f"{beside}{between}q{word}q{between}{beside}")


def test_a_very_long_word_with_marks_and_hyphens_is_read_in_no_time() -> None:
    for text in (
        "a" * LONGEST,
        "a\u0301" * (LONGEST // 2),
        "\u0301" * LONGEST,
        "a-" * (LONGEST // 2),
        "a." * (LONGEST // 2),
    ):
        assert not muted("self-play", text)


def test_muted_words_do_not_run_from_the_title_into_the_abstract() -> None:
    assert not muted("video diffusion", "Editing video", "Diffusion is used.")


@pytest.mark.parametrize("nothing", ["", "   ", "...", "!?", "🤗"])
def test_punctuation_mutes_nothing(nothing: str) -> None:
    assert muted_phrase(nothing) == ""


def test_an_address_in_a_text_says_nothing_of_what_it_is_about() -> None:
    text = "Sparse attention, see https://github.com/mit-han-lab/sparse-vit and www.example.org/code."
    assert words(text) == words("Sparse attention, see and")
    assert [text[token.start : token.end] for token in tokens(text)] == ["Sparse", "attention", "see", "and"]


@given(
    st.lists(st.lists(st.text(alphabet="ab\n量子 ", max_size=8), max_size=3), max_size=6),
    st.text(alphabet="ab量子 ", min_size=1, max_size=4).map(muted_phrase).filter(bool),
)
def test_muted_words_are_found_in_all_papers_at_once(papers: list[list[str]], phrase: str) -> None:
    one_by_one = [at for at, texts in enumerate(papers) if mutes(phrase, word_stream(texts), plain_stream(texts))]
    assert Texts(papers).holding(phrase) == one_by_one
