"""The two forces of a sample: one with printed figures, and a far smaller one in the same files."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Force:
    """What distinguishes the events of a force from those of the other.

    Attributes:
        code: police.uk identifier, as in `force_code`.
        number: number of the stream of random draws.
        node: node of the telephone exchange, used in the numbers of its calls.
        crime_prefix: number of the force in its crime references.
        crimes_before: number of crimes of 2020 recorded before the first one in a sample.
        first_id: offset of the serial numbers of chats, submissions and contacts.
        first_operator: lowest number of an operator.
        operators, on_shift: number of telephone operators, and how many work at a time.
        chat_operators, chat_on_shift: the same for chats.
        districts: weight of each local policing district; None if the crime system has no districts.
    """

    code: str
    number: int
    node: int
    crime_prefix: str
    crimes_before: int
    first_id: int
    first_operator: int
    operators: int
    on_shift: int
    chat_operators: int
    chat_on_shift: int
    districts: Mapping[str | None, float]


KENT = Force(
    code="kent",
    number=0,
    node=1,
    crime_prefix="46",
    crimes_before=88_000,
    first_id=0,
    first_operator=1000,
    operators=180,
    on_shift=60,
    chat_operators=60,
    chat_on_shift=3,
    districts={
        "Ashford": 7, "Canterbury": 9.5, "Dartford": 7, "Dover": 7, "Folkestone and Hythe": 6.5, "Gravesham": 7.5,
        "Maidstone": 9, "Medway": 17, "Sevenoaks": 4.5, "Swale": 9, "Thanet": 11, "Tonbridge and Malling": 5,
        "Tunbridge Wells": 4, None: 0.4,
    },
)  # fmt: skip
CITY_OF_LONDON = Force(
    code="city-of-london",
    number=1,
    node=2,
    crime_prefix="48",
    crimes_before=3_900,
    first_id=5_000_000,
    first_operator=4000,
    operators=24,
    on_shift=6,
    chat_operators=6,
    chat_on_shift=1,
    districts={"East": 57, "West": 42, None: 0.4},
)
FORCES = (KENT, CITY_OF_LONDON)
