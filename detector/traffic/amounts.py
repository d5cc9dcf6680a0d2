"""The numbers a profile may hold: anything else in a packed one is garbage, and would surprise the mathematics."""

from typing import Annotated

from msgspec import Meta

from detector.traffic.features import ANSWERS, FEATURES, STREAMS

Amount = Annotated[float, Meta(ge=0.0, le=1e15)]
Square = Annotated[float, Meta(ge=0.0, le=1e30)]
Number = Annotated[int, Meta(ge=0, le=2**40)]
CohortNumber = Annotated[int, Meta(ge=0, le=3)]  # 0 is none, then in the order of `Cohort`
Nats = Annotated[float, Meta(ge=-100.0, le=100.0)]
Bits = Annotated[int, Meta(ge=0)]  # 64 of them: MessagePack knows no larger number
AnswerAmounts = Annotated[tuple[Amount, ...], Meta(min_length=len(ANSWERS), max_length=len(ANSWERS))]
AnswerNumbers = Annotated[tuple[Number, ...], Meta(min_length=len(ANSWERS), max_length=len(ANSWERS))]
FeatureAmounts = Annotated[tuple[Amount, ...], Meta(min_length=len(FEATURES), max_length=len(FEATURES))]
FeatureSquares = Annotated[tuple[Square, ...], Meta(min_length=len(FEATURES), max_length=len(FEATURES))]
StreamNumbers = Annotated[tuple[Number, ...], Meta(min_length=len(STREAMS), max_length=len(STREAMS))]
