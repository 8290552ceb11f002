"""A small grammar of English, Portuguese, Spanish and French, in which every sentence comes with its English.

A sentence is drawn as a meaning (who, does what, with which things, where, when), and each language says it in its
own order, with its own gender, number, contractions and elisions. Nouns, adjectives and verbs are lines of a table,
one meaning a line, the four languages side by side.

    nouns        english[,plural] | gender portuguese[,plural] | gender spanish[,plural] | gender french[,plural]
    adjectives   english[,comparative] | masculine[,feminine[,plurals]] in each language; ``<`` stands before the noun
    verbs        third person singular, plural, infinitive in each language

A plural or feminine that is not written follows the language's rule. ``*`` marks a French h that takes no elision.
"""

from __future__ import annotations

import functools
import random
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, cast

from mmcourse.checks import choose

LANGUAGES = ("en", "pt", "es", "fr")
VOWELS = "aeiouyàâäéèêëîïôöùûüœæ"

ANIMALS = """
cat | m gato | m gato | m chat
dog | m cachorro | m perro | m chien
horse | m cavalo | m caballo | m cheval,chevaux
cow | f vaca | f vaca | f vache
bird | m pássaro | m pájaro | m oiseau
fish,fish | m peixe | m pez | m poisson
mouse,mice | m rato | m ratón | f souris
duck | m pato | m pato | m canard
rabbit | m coelho | m conejo | m lapin
lion | m leão,leões | m león | m lion
bear | m urso | m oso | m ours
monkey | m macaco | m mono | m singe
pig | m porco | m cerdo | m cochon
wolf,wolves | m lobo | m lobo | m loup
fox | f raposa | m zorro | m renard
frog | m sapo | f rana | f grenouille
elephant | m elefante | m elefante | m éléphant
tiger | m tigre | m tigre | m tigre
snake | f cobra | f serpiente | m serpent
bee | f abelha | f abeja | f abeille
spider | f aranha | f araña | f araignée
goat | f cabra | f cabra | f chèvre
owl | f coruja | m búho | m *hibou,hiboux
butterfly,butterflies | f borboleta | f mariposa | m papillon
turtle | f tartaruga | f tortuga | f tortue
"""
FOODS = """
apple | f maçã | f manzana | f pomme
egg | m ovo | m huevo | m œuf
lemon | m limão,limões | m limón | m citron
strawberry,strawberries | m morango | f fresa | f fraise
potato,potatoes | f batata | f patata | f pomme de terre,pommes de terre
carrot | f cenoura | f zanahoria | f carotte
tomato,tomatoes | m tomate | m tomate | f tomate
cake | m bolo | m pastel | m gâteau
"""
THINGS = """
book | m livro | m libro | m livre
table | f mesa | f mesa | f table
chair | f cadeira | f silla | f chaise
door | f porta | f puerta | f porte
window | f janela | f ventana | f fenêtre
key | f chave | f llave | f clé
plate | m prato | m plato | f assiette
knife,knives | f faca | m cuchillo | m couteau
fork | m garfo | m tenedor | f fourchette
spoon | f colher | f cuchara | f cuillère
bed | f cama | f cama | m lit
clock | m relógio | m reloj,relojes | f horloge
hat | m chapéu | m sombrero | m chapeau
shoe | m sapato | m zapato | f chaussure
shirt | f camisa | f camisa | f chemise
dress | m vestido | m vestido | f robe
box | f caixa | f caja | f boîte
bag | f bolsa | m bolso | m sac
pencil | m lápis,lápis | m lápiz | m crayon
ball | f bola | f pelota | m ballon
car | m carro | m coche | f voiture
truck | m caminhão,caminhões | m camión | m camion
boat | m barco | m barco | m bateau
tree | f árvore | m árbol | m arbre
flower | f flor | f flor | f fleur
stone | f pedra | f piedra | f pierre
"""
PEOPLE = """
man,men | m homem,homens | m hombre | m homme
woman,women | f mulher | f mujer | f femme
boy | m menino | m niño | m garçon
girl | f menina | f niña | f fille
king | m rei | m rey,reyes | m roi
queen | f rainha | f reina | f reine
doctor | m médico | m médico | m médecin
teacher | f professora | f maestra | f maîtresse
"""
FAMILY = """
mother | f mãe | f madre | f mère
father | m pai | m padre | m père
brother | m irmão,irmãos | m hermano | m frère
sister | f irmã | f hermana | f sœur
friend | m amigo | m amigo | m ami
grandmother | f avó | f abuela | f grand-mère,grands-mères
grandfather | m avô | m abuelo | m grand-père,grands-pères
"""
PLACES = """
in: house | f casa | f casa | dans: f maison
in: kitchen | f cozinha | f cocina | dans: f cuisine
in: garden | m jardim | m jardín | dans: m jardin
at: school | f escola | f escuela | à: f école
in: street | f rua | f calle | dans: f rue
in: city,cities | f cidade | f ciudad | dans: f ville
on: beach | f praia | f playa | sur: f plage
in: forest | f floresta | m bosque | dans: f forêt
in: river | m rio | m río | dans: f rivière
on: bridge | f ponte | m puente | sur: m pont
at: market | m mercado | m mercado | à: m marché
at: hospital | m hospital | m hospital | à: m hôpital,hôpitaux
in: park | m parque | m parque | dans: m parc
at: station | f estação,estações | f estación | à: f gare
in: church,churches | f igreja | f iglesia | dans: f église
in: lake | m lago | m lago | dans: m lac
"""
COLOURS = """
red | vermelho | rojo | rouge
blue | azul,azul,azuis,azuis | azul,azul,azules,azules | bleu,bleue,bleus,bleues
green | verde | verde | vert
yellow | amarelo | amarillo | jaune
black | preto | negro | noir
white | branco | blanco | blanc,blanche
grey | cinza,cinza,cinza,cinza | gris,gris,grises,grises | gris
brown | marrom,marrom,marrons,marrons | marrón,marrón,marrones,marrones | marron,marron,marron,marron
pink | rosa,rosa,rosa,rosa | rosa,rosa,rosas,rosas | rose
orange | laranja,laranja,laranja,laranja | naranja,naranja,naranjas,naranjas | orange,orange,orange,orange
purple | roxo | morado | violet,violette
"""
QUALITIES = """
small,smaller | pequeno | pequeño | <petit
big,bigger | grande | grande | <grand
new,newer | novo | nuevo | <nouveau,nouvelle,nouveaux,nouvelles,nouvel
old,older | velho | viejo | <vieux,vieille,vieux,vieilles,vieil
pretty,prettier | bonito | bonito | <joli
strong,stronger | forte | fuerte | fort
heavy,heavier | pesado | pesado | lourd
slow,slower | lento | lento | lent
fast,faster | rápido | rápido | rapide
"""
STATES = """
clean | limpo | limpio | propre
dirty | sujo | sucio | sale
cold | frio | frío | froid
hot | quente | caliente | chaud
wet | molhado | mojado | mouillé
"""
MOODS = """
tired | cansado | cansado | fatigué
happy | contente | contento | content
sad | triste | triste | triste
sick | doente | enfermo | malade
"""
DOING = """
sleeps,sleep | dorme,dormem,dormir | duerme,duermen,dormir | dort,dorment,dormir
eats,eat | come,comem,comer | come,comen,comer | mange,mangent,manger
drinks,drink | bebe,bebem,beber | bebe,beben,beber | boit,boivent,boire
runs,run | corre,correm,correr | corre,corren,correr | court,courent,courir
walks,walk | anda,andam,andar | camina,caminan,caminar | marche,marchent,marcher
jumps,jump | pula,pulam,pular | salta,saltan,saltar | saute,sautent,sauter
waits,wait | espera,esperam,esperar | espera,esperan,esperar | attend,attendent,attendre
"""
DOING_AS_PEOPLE = """
works,work | trabalha,trabalham,trabalhar | trabaja,trabajan,trabajar | travaille,travaillent,travailler
sings,sing | canta,cantam,cantar | canta,cantan,cantar | chante,chantent,chanter
dances,dance | dança,dançam,dançar | baila,bailan,bailar | danse,dansent,danser
laughs,laugh | ri,riem,rir | ríe,ríen,reír | rit,rient,rire
reads,read | lê,leem,ler | lee,leen,leer | lit,lisent,lire
plays,play | brinca,brincam,brincar | juega,juegan,jugar | joue,jouent,jouer
"""
DOING_TO = """
buys,buy | compra,compram,comprar | compra,compran,comprar | achète,achètent,acheter
sells,sell | vende,vendem,vender | vende,venden,vender | vend,vendent,vendre
finds,find | encontra,encontram,encontrar | encuentra,encuentran,encontrar | trouve,trouvent,trouver
paints,paint | pinta,pintam,pintar | pinta,pintan,pintar | peint,peignent,peindre
washes,wash | lava,lavam,lavar | lava,lavan,lavar | lave,lavent,laver
carries,carry | leva,levam,levar | lleva,llevan,llevar | porte,portent,porter
"""
PEOPLE_NAMES = (
    "Ana", "Pedro", "Laura", "Lucas", "Marta", "Paulo", "Sara", "Hugo", "Clara", "Daniel", "Eva", "David", "Nina",
    "Bruno", "Emma", "Leo",
)  # fmt: skip
DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
}
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
NUMBERS = {  # 0 to 20
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty",
    "pt": "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete "
    "dezoito dezenove vinte",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
    "diecisiete dieciocho diecinueve veinte",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
    "dix-huit dix-neuf vingt",
}
TENS = {  # 20, 30, ...
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "fr": "vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt",
}
TWENTIES = (
    "veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
)
ORDINALS = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}
WHERE = {  # how two things stand to each other; pt and es end in "de", which takes the article in
    "on": ("em cima de", "encima de", "sur"),
    "under": ("debaixo de", "debajo de", "sous"),
    "behind": ("atrás de", "detrás de", "derrière"),
    "in front of": ("na frente de", "delante de", "devant"),
    "next to": ("ao lado de", "al lado de", "à côté de"),
    "near": ("perto de", "cerca de", "près de"),
}


class Noun(NamedTuple):
    """A thing in one language."""

    gender: str
    singular: str
    plural: str
    place: str = ""  # the preposition that says "in" or "at" of a place


class Adjective(NamedTuple):
    """A quality in one language: masculine, feminine, their plurals, and the French form before a vowel."""

    m: str
    f: str
    mp: str
    fp: str
    vowel: str
    before: bool = False
    comparative: str = ""


class Verb(NamedTuple):
    """What is done, in one language."""

    singular: str
    plural: str
    infinitive: str


def _bare(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


def _plural(language: str, word: str) -> str:
    """The regular plural."""
    if language == "fr":
        if word.endswith(("s", "x", "z")):
            return word
        return word + ("x" if word.endswith(("eau", "eu")) else "s")
    if language == "en":
        return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")
    if word.endswith("z"):
        return word[:-1] + "ces" if language == "es" else word + "es"
    if language == "pt" and word.endswith("m"):
        return word[:-1] + "ns"
    if language == "pt" and word.endswith("al"):
        return word[:-1] + "is"
    if word[-1] in "aeiouáéíóúãêôu":
        return word + "s"
    if language == "es" and word[-1] in "ns" and word[-2] in "áéíóú":
        return f"{word[:-2]}{_bare(word[-2])}{word[-1]}es"
    return word + "es"


def _feminine(language: str, word: str) -> str:
    """The regular feminine of an adjective."""
    if language == "fr":
        return word if word.endswith("e") else word + "e"
    return word[:-1] + "a" if word.endswith("o") else word


def _noun(language: str, cell: str) -> Noun:
    place, _, rest = cell.rpartition(": ")
    gender, _, words = rest.partition(" ") if language != "en" else ("m", "", rest)
    singular, _, plural = words.partition(",")
    return Noun(gender, singular, plural or _plural(language, singular), place)


def _adjective(language: str, cell: str) -> Adjective:
    if language == "en":
        word, _, more = cell.partition(",")
        return Adjective(word, word, word, word, word, True, more)
    before = cell.startswith("<")
    given = cell.removeprefix("<").split(",")
    m = given[0]
    f = given[1] if len(given) > 1 else _feminine(language, m)
    mp, fp = given[2:4] if len(given) > 2 else (_plural(language, m), _plural(language, f))
    return Adjective(m, f, mp, fp, given[4] if len(given) > 4 else m, before)


def _verb(language: str, cell: str) -> Verb:
    forms = cell.split(",")
    return Verb(forms[0], forms[1], forms[2] if language != "en" else forms[1])


Form = TypeVar("Form", Noun, Adjective, Verb)


def _table(text: str, read: Callable[[str, str], Form]) -> list[dict[str, Form]]:
    """The lines of a table: for each meaning a dict of languages."""
    rows = [line.split(" | ") for line in text.strip().splitlines()]
    return [{language: read(language, cell) for language, cell in zip(LANGUAGES, row, strict=True)} for row in rows]


@dataclass(frozen=True)
class Lexicon:
    """All words by kind; each is one meaning in four languages."""

    animals: list[dict[str, Noun]]
    foods: list[dict[str, Noun]]
    things: list[dict[str, Noun]]
    people: list[dict[str, Noun]]
    family: list[dict[str, Noun]]
    places: list[dict[str, Noun]]
    colours: list[dict[str, Adjective]]
    qualities: list[dict[str, Adjective]]
    states: list[dict[str, Adjective]]
    moods: list[dict[str, Adjective]]
    doing: list[dict[str, Verb]]
    doing_as_people: list[dict[str, Verb]]
    doing_to: list[dict[str, Verb]]


@functools.cache
def lexicon() -> Lexicon:
    """The tables above, read."""
    animals, foods, things, people, family, places = (
        _table(text, _noun) for text in (ANIMALS, FOODS, THINGS, PEOPLE, FAMILY, PLACES)
    )
    colours, qualities, states, moods = (_table(text, _adjective) for text in (COLOURS, QUALITIES, STATES, MOODS))
    verbs = [_table(text, _verb) for text in (DOING, DOING_AS_PEOPLE, DOING_TO)]
    return Lexicon(
        animals, foods, things, people, family, places, colours, qualities, states, moods, verbs[0], verbs[1], verbs[2]
    )


def number(language: str, n: int, gender: str = "m", counting: bool = False) -> str:
    """A whole number from 0 to 99 in words, as it stands before a noun of this gender, or alone when counting."""
    choose("language", language, LANGUAGES)
    if not 0 <= n <= 99:
        raise ValueError(f"{n} is not from 0 to 99")
    words = NUMBERS[language].split()
    tens, ones = TENS[language].split()[max(0, n // 10 - 2)], n % 10
    if language == "es" and 20 <= n < 30:
        text = TWENTIES.split()[ones]
    elif n <= 20:
        text = words[n]
    elif language == "fr":
        rest = n % 20 if n >= 60 else ones
        joined = " et " if rest in (1, 11) and n < 80 else "-"
        text = (tens + "s" if n == 80 else tens) if not rest else f"{tens}{joined}{words[rest]}"
    elif not ones:
        text = tens
    else:
        text = tens + {"en": "-", "pt": " e ", "es": " y "}[language] + words[ones]
    if language == "es" and ones == 1 and n != 11 and not counting:
        text = text[:-3] + ("una" if gender == "f" else "ún" if n == 21 else "un")
    if gender == "f" and language == "pt" and n not in (11, 12) and ones in (1, 2):
        text = text.removesuffix("um").removesuffix("dois") + {1: "uma", 2: "duas"}[ones]
    if gender == "f" and language == "fr" and n % 10 == 1 and n not in (11, 71, 91):
        text += "e"
    return text


def ordinal(n: int) -> str:
    """The day of a month in English: ``"twenty-first"``."""
    tens, ones = (n - n % 10, n % 10) if n > 20 else (0, n)
    if tens and not ones:
        return number("en", n)[:-1] + "ieth"
    last = ORDINALS.get(ones) or ("twentieth" if ones == 20 else number("en", ones) + "th")
    return f"{number('en', tens)}-{last}" if tens else last


def phrase(
    language: str,
    noun: dict[str, Noun],
    determiner: str | int = "the",
    adjective: dict[str, Adjective] | None = None,
    plural: bool = False,
) -> str:
    """A noun with what belongs to it: ``"three black cats"``, ``"l'école"``, ``"duas maçãs vermelhas"``.

    Args:
        language: one of :data:`LANGUAGES`.
        noun: the meaning.
        determiner: ``"the"``, ``"a"``, ``"my"``, ``"our"``, ``""``, or a number.
        adjective: a meaning.
        plural: more than one; a number above 1 says so itself.
    """
    word = noun[language]
    plural = plural or (isinstance(determiner, int) and determiner != 1)
    name = word.plural if plural else word.singular
    aspirated = name.startswith("*")
    parts = [name.removeprefix("*")]
    if adjective is not None:
        form = adjective[language]
        agreeing = getattr(form, word.gender + ("p" if plural else ""))
        if form.before:
            if not plural and word.gender == "m" and _begins_with_vowel(name, aspirated):
                agreeing = form.vowel
            parts, aspirated = [agreeing, *parts], False
        else:
            parts.append(agreeing)
    text = " ".join(parts)
    elided = language == "fr" and _begins_with_vowel(text, aspirated)
    return _determined(language, determiner, text, word.gender, plural, elided)


def _begins_with_vowel(text: str, aspirated: bool) -> bool:
    return not aspirated and (text[0] in VOWELS or text[0] == "h")


def _determined(language: str, determiner: str | int, text: str, gender: str, plural: bool, elided: bool) -> str:
    if isinstance(determiner, int):
        return f"{number(language, determiner, gender)} {text}"
    if not determiner:
        return text
    if language == "en":
        if determiner == "a":
            determiner = "an" if text[0] in "aeio" else "a"
        return f"{determiner} {text}"
    if language == "fr" and elided and not plural:
        if determiner == "the":
            return f"l'{text}"
        if determiner == "my":
            return f"mon {text}"
    column = ("m", "f").index(gender) + 2 * plural
    return f"{_DETERMINERS[language][determiner].split()[column]} {text}"


_DETERMINERS = {  # masculine, feminine, and the plurals of both
    "pt": {"the": "o a os as", "a": "um uma uns umas", "my": "meu minha meus minhas",
           "our": "nosso nossa nossos nossas"},
    "es": {"the": "el la los las", "a": "un una unos unas", "my": "mi mi mis mis",
           "our": "nuestro nuestra nuestros nuestras"},
    "fr": {"the": "le la les les", "a": "un une des des", "my": "mon ma mes mes", "our": "notre notre nos nos"},
}  # fmt: skip
_CONTRACTED = {
    "pt": {"em o": "no", "em a": "na", "em os": "nos", "em as": "nas", "de o": "do", "de a": "da", "de os": "dos",
           "de as": "das", "a o": "ao", "a a": "à", "a os": "aos", "a as": "às"},
    "es": {"a el": "al", "de el": "del"},
    "fr": {"à le": "au", "à les": "aux", "de le": "du", "de les": "des", "jusqu'à le": "jusqu'au",
           "jusqu'à les": "jusqu'aux"},
    "en": {},
}  # fmt: skip


def joined(language: str, preposition: str, text: str) -> str:
    """A preposition before a noun with its article: em + o jardim = no jardim, de + le pont = du pont."""
    first, _, rest = text.partition(" ")
    kept, _, last = preposition.rpartition(" ")
    short = _CONTRACTED[language].get(f"{last} {first}")
    return f"{kept} {short} {rest}".strip() if short else f"{preposition} {text}"


def _at(language: str, place: dict[str, Noun]) -> str:
    """In, at or on a place, as each language says it."""
    preposition = place[language].place or {"pt": "em", "es": "en"}[language]
    return joined(language, preposition, phrase(language, place))


# What can be said: each draws a meaning by chance and gives it in every language.

Said = dict[str, str]


def _there_are(chance: random.Random, words: Lexicon) -> Said:
    thing, place, n = chance.choice(words.animals + words.things), chance.choice(words.places), chance.randint(2, 12)
    begin = {"en": "there are", "pt": "há", "es": "hay", "fr": "il y a"}
    return {code: f"{begin[code]} {phrase(code, thing, n)} {_at(code, place)}" for code in LANGUAGES}


def _count(chance: random.Random, words: Lexicon) -> Said:
    thing = chance.choice(words.animals + words.things + words.foods)
    colour, n = chance.choice(words.colours), chance.randint(1, 99)
    return {code: phrase(code, thing, n, colour) for code in LANGUAGES}


def _subject(chance: random.Random, words: Lexicon) -> tuple[Said, bool, bool]:
    """Somebody, whether they are several, and whether they are people."""
    kind = chance.randrange(4)  # somebody by name, of the family, people, animals
    if kind == 0:
        name = chance.choice(PEOPLE_NAMES)
        return dict.fromkeys(LANGUAGES, name), False, True
    if kind == 1:
        one = chance.choice(words.family)
        return {code: phrase(code, one, "my") for code in LANGUAGES}, False, True
    people = kind == 2
    one = chance.choice(words.people if people else words.animals)
    plural = chance.random() < 0.4
    quality = chance.choice(words.qualities[:5]) if chance.random() < 0.4 else None
    return {code: phrase(code, one, "the", quality, plural) for code in LANGUAGES}, plural, people


def _does(chance: random.Random, words: Lexicon) -> Said:
    who, several, people = _subject(chance, words)
    verb, place = chance.choice(words.doing + words.doing_as_people * people), chance.choice(words.places)
    return {code: f"{who[code]} {verb[code][several]} {_at(code, place)}" for code in LANGUAGES}


def _does_on_a_day(chance: random.Random, words: Lexicon) -> Said:
    who, several, people = _subject(chance, words)
    verb, day = chance.choice(words.doing + words.doing_as_people * people), chance.randrange(7)
    place = chance.choice(words.places)
    when = {code: DAYS[code].split()[day] for code in LANGUAGES}
    when = {"en": f"on {when['en']}", "pt": f"{'na' if day < 5 else 'no'} {when['pt']}", "es": f"el {when['es']}",
            "fr": when["fr"]}  # fmt: skip
    return {code: f"{when[code]} {who[code]} {verb[code][several]} {_at(code, place)}" for code in LANGUAGES}


def _at_an_hour(chance: random.Random, words: Lexicon) -> Said:
    who, several, people = _subject(chance, words)
    verb, hour = chance.choice(words.doing + words.doing_as_people * people), chance.randint(2, 12)
    when = {
        "en": f"at {number('en', hour)} o'clock",
        "pt": f"às {number('pt', hour, 'f')} horas",
        "es": f"a las {number('es', hour)}",
        "fr": f"à {number('fr', hour)} heures",
    }
    return {code: f"{who[code]} {verb[code][several]} {when[code]}" for code in LANGUAGES}


def _does_to(chance: random.Random, words: Lexicon) -> Said:
    who, several = _person(chance, words)
    verb, thing = chance.choice(words.doing_to), chance.choice(words.things + words.foods)
    n = chance.choice(cast(list[str | int], ["a", "the", chance.randint(2, 12)]))
    quality = chance.choice(words.colours + words.qualities)
    return {code: f"{who[code]} {verb[code][several]} {phrase(code, thing, n, quality)}" for code in LANGUAGES}


def _person(chance: random.Random, words: Lexicon) -> tuple[Said, bool]:
    """Somebody who is no animal."""
    while True:
        who, several, people = _subject(chance, words)
        if people:
            return who, several


def _wants(chance: random.Random, words: Lexicon) -> Said:
    who, several, people = _subject(chance, words)
    verb, place = chance.choice(words.doing + words.doing_as_people * people), chance.choice(words.places)
    wants = {"en": ("wants to", "want to"), "pt": ("quer", "querem"), "es": ("quiere", "quieren"),
             "fr": ("veut", "veulent")}  # fmt: skip
    return {code: f"{who[code]} {wants[code][several]} {verb[code].infinitive} {_at(code, place)}"
            for code in LANGUAGES}  # fmt: skip


_IS = {"en": ("is", "are"), "pt": ("é", "são"), "es": ("es", "son"), "fr": ("est", "sont")}
_STANDS = {"en": ("is", "are"), "pt": ("está", "estão"), "es": ("está", "están"), "fr": ("est", "sont")}


def _predicate(code: str, noun: dict[str, Noun], adjective: dict[str, Adjective], plural: bool) -> str:
    return str(getattr(adjective[code], noun[code].gender + ("p" if plural else "")))


def _is(chance: random.Random, words: Lexicon) -> Said:
    thing, plural = chance.choice(words.things + words.foods), chance.random() < 0.5
    lasting = chance.random() < 0.6
    how, verb = chance.choice(words.colours + words.qualities if lasting else words.states), _IS if lasting else _STANDS
    return {
        code: f"{phrase(code, thing, 'the', None, plural)} {verb[code][plural]} {_predicate(code, thing, how, plural)}"
        for code in LANGUAGES
    }


def _feels(chance: random.Random, words: Lexicon) -> Said:
    one, plural = chance.choice(words.people + words.animals), chance.random() < 0.4
    mood, day = chance.choice(words.moods), chance.randrange(3)
    today = {"en": "today", "pt": "hoje", "es": "hoy", "fr": "aujourd'hui"} if day == 0 else None
    very = {"en": "very ", "pt": "muito ", "es": "muy ", "fr": "très "} if day == 1 else dict.fromkeys(LANGUAGES, "")
    return {
        code: f"{phrase(code, one, 'the', None, plural)} {_STANDS[code][plural]} {very[code]}"
        f"{_predicate(code, one, mood, plural)}{' ' + today[code] if today else ''}"
        for code in LANGUAGES
    }


def _where_is(chance: random.Random, words: Lexicon) -> Said:
    thing, quality = chance.choice(words.things + words.animals), chance.choice(words.colours + words.qualities[:5])
    plural = chance.random() < 0.4
    begin = {"en": ("where is", "where are"), "pt": ("onde está", "onde estão"), "es": ("dónde está", "dónde están"),
             "fr": ("où est", "où sont")}  # fmt: skip
    return {code: f"{begin[code][plural]} {phrase(code, thing, 'the', quality, plural)}?" for code in LANGUAGES}


def _stands(chance: random.Random, words: Lexicon) -> Said:
    thing, other = chance.sample(words.things + words.animals, 2)
    where, plural = chance.choice(list(WHERE)), chance.random() < 0.3
    how = dict(zip(LANGUAGES, (where, *WHERE[where]), strict=True))
    return {
        code: f"{phrase(code, thing, 'the', None, plural)} {_STANDS[code][plural]} "
        f"{joined(code, how[code], phrase(code, other))}"
        for code in LANGUAGES
    }


def _turn(chance: random.Random, words: Lexicon) -> Said:
    way, place = chance.randrange(3), chance.choice(words.places)
    here = {code: phrase(code, place) for code in LANGUAGES}
    if way == 2:
        begin = {"en": "go straight to", "pt": "siga em frente até", "es": "sigue recto hasta",
                 "fr": "va tout droit jusqu'à"}  # fmt: skip
        return {code: joined(code, begin[code], here[code]) if code == "fr" else f"{begin[code]} {here[code]}"
                for code in LANGUAGES}  # fmt: skip
    side = {"en": ("left", "right"), "pt": ("esquerda", "direita"), "es": ("izquierda", "derecha"),
            "fr": ("gauche", "droite")}  # fmt: skip
    return {
        "en": f"turn {side['en'][way]} after {here['en']}",
        "pt": f"vire à {side['pt'][way]} " + joined("pt", "depois de", here["pt"]),
        "es": f"gira a la {side['es'][way]} " + joined("es", "después de", here["es"]),
        "fr": f"tourne à {side['fr'][way]} après {here['fr']}",
    }


def _age(chance: random.Random, words: Lexicon) -> Said:
    name, years = chance.choice(PEOPLE_NAMES), chance.randint(2, 99)
    one = chance.choice(words.family) if chance.random() < 0.5 else None
    who = {code: phrase(code, one, "my") if one else name for code in LANGUAGES}
    return {
        "en": f"{who['en']} is {number('en', years)} years old",
        "pt": f"{who['pt']} tem {number('pt', years)} anos",
        "es": f"{who['es']} tiene {number('es', years)} años",
        "fr": f"{who['fr']} a {number('fr', years)} ans",
    }


def _date(chance: random.Random, words: Lexicon) -> Said:
    month, day = chance.randrange(12), chance.randint(1, 28)
    name = {code: MONTHS[code].split()[month] for code in LANGUAGES}
    first = day == 1
    return {
        "en": f"today is the {ordinal(day)} of {name['en']}",
        "pt": f"hoje é {'primeiro' if first else number('pt', day)} de {name['pt']}",
        "es": f"hoy es {'primero' if first else number('es', day, counting=True)} de {name['es']}",
        "fr": f"aujourd'hui c'est le {'premier' if first else number('fr', day)} {name['fr']}",
    }


def _has(chance: random.Random, words: Lexicon) -> Said:
    who = chance.choice(words.family)
    thing, quality = chance.choice(words.animals + words.things), chance.choice(words.qualities + words.colours)
    n = chance.choice(cast(list[str | int], ["a", chance.randint(2, 12)]))
    has = {"en": "has", "pt": "tem", "es": "tiene", "fr": "a"}
    owner = chance.choice(["my", "our"])
    return {code: f"{phrase(code, who, owner)} {has[code]} {phrase(code, thing, n, quality)}" for code in LANGUAGES}


def _likes(chance: random.Random, words: Lexicon) -> Said:
    one, plural = chance.choice(words.people + words.animals), chance.random() < 0.4
    thing = chance.choice(words.foods + words.animals + words.things)
    who = {code: phrase(code, one, "the", None, plural) for code in LANGUAGES}
    liked = {code: phrase(code, thing, "the", None, True) for code in LANGUAGES}
    return {
        "en": f"{who['en']} {'like' if plural else 'likes'} {thing['en'].plural}",
        "pt": f"{who['pt']} {'gostam' if plural else 'gosta'} de {thing['pt'].plural}",
        "es": f"{joined('es', 'a', who['es'])} {'les' if plural else 'le'} gustan {liked['es']}",
        "fr": f"{who['fr']} {'aiment' if plural else 'aime'} {liked['fr']}",
    }


def _compares(chance: random.Random, words: Lexicon) -> Said:
    one, other = chance.sample(words.animals, 2) if chance.random() < 0.6 else chance.sample(words.things, 2)
    quality = chance.choice(words.qualities)
    than = {code: phrase(code, other) for code in LANGUAGES}
    more: Said = {"en": quality["en"].comparative}
    for code, word in (("pt", "mais"), ("es", "más"), ("fr", "plus")):
        more[code] = f"{word} {_predicate(code, one, quality, False)}"
    if quality["en"].m == "big":
        more["pt"] = "maior"
    if quality["en"].m == "small":
        more["pt"] = "menor"
    link = {"en": "than", "pt": "que", "es": "que", "fr": "que"}
    return {code: f"{phrase(code, one)} {_IS[code][0]} {more[code]} {link[code]} {than[code]}" for code in LANGUAGES}


def _please(chance: random.Random, words: Lexicon) -> Said:
    thing, n = chance.choice(words.foods + words.things), chance.randint(1, 12)
    quality = chance.choice(words.colours) if chance.random() < 0.5 else None
    what = {code: phrase(code, thing, n, quality) for code in LANGUAGES}
    return {
        "en": f"give me {what['en']} please",
        "pt": f"me dê {what['pt']} por favor",
        "es": f"dame {what['es']} por favor",
        "fr": f"donne-moi {what['fr']} s'il te plaît",
    }


def _both(chance: random.Random, words: Lexicon) -> Said:
    one, other = chance.sample(words.animals + words.people, 2)
    verb, place = chance.choice(words.doing), chance.choice(words.places)
    both = {"en": "and", "pt": "e", "es": "y", "fr": "et"}
    return {
        code: f"{phrase(code, one)} {both[code]} {phrase(code, other)} {verb[code].plural} {_at(code, place)}"
        for code in LANGUAGES
    }


SENTENCES = (
    _there_are, _count, _does, _does_on_a_day, _at_an_hour, _does_to, _wants, _is, _feels, _where_is, _stands, _turn,
    _age, _date, _has, _likes, _compares, _please, _both,
)  # fmt: skip


def written(language: str, text: str) -> str:
    """A text as the language writes it: a capital first, a mark last."""
    question = text.endswith("?")
    text = text.removesuffix("?")
    text = text[0].upper() + text[1:]
    if question:
        return f"¿{text}?" if language == "es" else f"{text} ?" if language == "fr" else f"{text}?"
    return f"{text}."


def plain(text: str) -> str:
    """A text as its words alone are compared: small letters, no marks, accents, hyphens and apostrophes kept."""
    return " ".join(re.sub(r"[^\w\s'’-]", " ", unicodedata.normalize("NFC", text).lower().replace("’", "'")).split())


def sentence(language: str, seed: int | str) -> tuple[str, str]:
    """A sentence and its English; the same seed gives the same meaning in every language.

    Args:
        language: one of :data:`LANGUAGES`.
        seed: anything that can be told apart.

    Example:
        >>> sentence("pt", 3)
        ('Onde estão os gatos vermelhos?', 'Where are the red cats?')
    """
    choose("language", language, LANGUAGES)
    chance = random.Random(f"sentence {seed}")
    said = chance.choice(SENTENCES)(chance, lexicon())
    return written(language, said[language]), written("en", said["en"])


def digits(language: str, seed: int | str) -> tuple[str, str]:
    """One to eight digits, said one by one, and the same in English."""
    choose("language", language, LANGUAGES)
    chance = random.Random(f"digits {seed}")
    listed = [chance.randrange(10) for _ in range(chance.choice([1, 1, 2, 3, 4, 4, 5, 6, 7, 8]))]
    said = {code: " ".join(number(code, digit, counting=True) for digit in listed) for code in (language, "en")}
    return written(language, said[language]), written("en", said["en"])


@functools.cache
def words(language: str) -> list[tuple[str, str]]:
    """Every word of the lexicon by itself with its English: nouns, adjectives, infinitives, numbers, days, months.

    French plurals that sound like the singular are left out: nobody can tell them apart by ear.
    """
    choose("language", language, LANGUAGES)
    tables = vars(lexicon()).values()
    found: dict[str, str] = {}
    for meaning in (meaning for table in tables for meaning in table):
        here: Any = meaning[language]
        english: Any = meaning["en"]
        name = {Noun: "singular", Adjective: "m", Verb: "infinitive"}[type(here)]
        found.setdefault(getattr(here, name).removeprefix("*"), getattr(english, name))
        heard = language != "fr" or here[2].endswith("aux")
        if isinstance(here, Noun) and here.plural != here.singular and heard:
            found.setdefault(here.plural.removeprefix("*"), english.plural)
    for n in range(100):
        found.setdefault(number(language, n, counting=True), number("en", n))
    for listed in (DAYS, MONTHS):
        for here, english in zip(listed[language].split(), listed["en"].split(), strict=True):
            found.setdefault(here, english)
    return list(found.items())


def word(language: str, seed: int | str) -> tuple[str, str]:
    """One word of :func:`words` and its English."""
    here, english = random.Random(f"word {seed}").choice(words(language))
    return written(language, here), written("en", english)
