from __future__ import annotations

from itertools import combinations

import pytest

from captive_portal.ways_in.voucher_codes import (
    PICTURES_IN_CODE,
    Code,
    Form,
    Misread,
    Mistake,
    check_digit,
    new_code,
    read_code,
    read_pictures,
    words,
)


def test_no_two_words_are_one_letter_apart() -> None:
    listed = words()
    assert all(4 <= len(word) <= 7 and word.isascii() and word.islower() for word in listed)
    shorter = {word[:place] + word[place + 1 :] for word in listed for place in range(len(word))}
    assert shorter & set(listed) == set()
    # With a letter left open, no two are the same.
    opened = [f"{word[:place]}?{word[place + 1 :]}" for word in listed for place in range(len(word))]
    assert len(opened) == len(set(opened))


def test_the_number_of_words_is_a_prime_so_that_the_check_finds_every_single_wrong_word() -> None:
    number = len(words())
    assert number > 500
    assert all(number % divisor for divisor in range(2, int(number**0.5) + 1))


@pytest.mark.parametrize("form", [Form.WORDS, Form.DIGITS])
def test_a_code_is_read_as_it_is_printed(form: Form) -> None:
    code = new_code(form)
    assert read_code(code.text) == code


def test_capitals_hyphens_and_missing_spaces_do_not_matter() -> None:
    code = Code(Form.WORDS, (0, 1, 2, 8))
    assert code.text.startswith("acorn ")
    for typed in (code.text.upper(), code.text.replace(" ", "-"), f"  {code.text.replace(' ', '. ')}. "):
        assert read_code(typed) == code
    assert read_code(code.text.replace(" ", "")) == code


@pytest.mark.parametrize("typed", ["123 456 782", "123-456-782", "123456782", "１２３４５６７８２", "۱۲۳ ۴۵۶ ۷۸۲"])
def test_digits_may_be_written_in_any_way(typed: str) -> None:
    assert read_code(typed) == read_code("123456782")


def test_thecheck_digit_is_that_of_iso_7064() -> None:
    # The standard's own example of MOD 11,10: 0794 has the check character 5.
    assert check_digit((0, 7, 9, 4)) == 5


@pytest.mark.parametrize(
    ("typed", "misread"),
    [
        ("", Misread(Mistake.EMPTY)),
        (" - . ", Misread(Mistake.EMPTY)),
        ("1234", Misread(Mistake.LENGTH)),
        ("acorn acorn", Misread(Mistake.LENGTH)),
        ("acorn hippopotamus acorn acorn", Misread(Mistake.WORD, 2)),
        ("acorn 7 acorn acorn", Misread(Mistake.WORD, 2)),
        ("<script>", Misread(Mistake.WORD, 1)),
        ("x" * 100_000, Misread(Mistake.WORD, 1)),
    ],
    ids=["nothing", "signs only", "few digits", "few words", "no word of ours", "a digit", "markup", "a flood"],
)
def test_what_is_wrong_is_told(typed: str, misread: Misread) -> None:
    assert read_code(typed) == misread


@pytest.mark.parametrize("form", Form)
def test_one_wrong_symbol_is_always_found(form: Form) -> None:
    code = new_code(form)
    several = {Form.WORDS: len(words()), Form.DIGITS: 10, Form.PICTURES: 16}[form]
    for place, right in enumerate(code.symbols):
        for wrong in set(range(several)) - {right}:
            symbols = (*code.symbols[:place], wrong, *code.symbols[place + 1 :])
            read = read_pictures(symbols) if form is Form.PICTURES else read_code(Code(form, symbols).text)
            assert read == Misread(Mistake.CHECK)


def test_two_words_that_changed_places_are_always_found() -> None:
    code = new_code(Form.WORDS)
    for one, other in combinations(range(4), 2):
        if code.symbols[one] != code.symbols[other]:
            swapped = list(code.symbols)
            swapped[one], swapped[other] = swapped[other], swapped[one]
            assert isinstance(read_code(Code(Form.WORDS, tuple(swapped)).text), Misread)


def test_pictures_are_read_in_their_order() -> None:
    code = new_code(Form.PICTURES)
    assert len(code.symbols) == PICTURES_IN_CODE
    assert read_pictures(code.symbols) == code
    assert read_pictures(code.symbols[:-1]) == Misread(Mistake.LENGTH)


def test_codes_of_different_forms_are_never_the_same() -> None:
    assert len({Code(form, (1, 2, 3)).canonical for form in Form}) == len(Form)


def test_a_code_does_not_show_in_a_traceback() -> None:
    assert "symbols" not in repr(new_code(Form.WORDS))
