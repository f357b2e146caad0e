"""How `kangheng status` says what it found, and what follows from it.

Put here: order and wording, and the next steps. Keep out: finding out.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.messages import LANGUAGES, both, text
from pipelines.restating import stale_lines, stale_steps

if TYPE_CHECKING:
    from pipelines.status import FeedStatus, InstitutionStatus, SenderStatus, Status

# A long list of files is cut; the JSON has all of them.
_SHOWN = 20
_NAMED = 5


def status_lines(status: "Status", language: str) -> list[str]:
    """The whole report, next steps last."""
    lines = [text("status_period", language, period=status.period, today=status.today)]
    shown = [line for sender in status.senders if sender.feeds for line in _sender(sender, language)]
    lines += shown or [text("status_nobody", language)]
    lines += _files(status, language)
    if status.unused:
        feeds = _joined(status.unused[:_NAMED], language) + (" …" if len(status.unused) > _NAMED else "")
        lines.append(text("status_unused", language, count=len(status.unused), feeds=feeds))
    if status.unusual:
        lines.append(text("status_unusual", language, count=status.unusual))
    old = not status.release_is_current and status.candidate is None
    none = "status_withdrawn" if status.withdrawn else "status_no_release"
    sentence = ("status_release_old" if old else "status_release") if status.release else none
    lines.append(text(sentence, language, release=status.release or status.withdrawn))
    if status.candidate is not None:
        lines.append(text("status_candidate", language, release=status.candidate))
    lines += stale_lines(status.stale, language)
    lines.append(text("status_next", language))
    steps = enumerate(status.next_steps, 1)
    return [*lines, *(text("status_next_step", language, number=n, text=step[language]) for n, step in steps)]


def _sender(sender: "SenderStatus", language: str) -> Iterator[str]:
    yield text("status_sender", language, sender=sender.titles[language], due=sender.due)
    if not sender.listed:
        yield text("status_sender_unlisted", language, sender=sender.sender)
    for feed in sender.feeds:
        yield text(
            f"status_feed_{feed.state}",
            language,
            feed=feed.feed,
            title=feed.titles[language],
            due=feed.due,
            files=feed.files,
            records=feed.records,
            refused=feed.refused_records,
            warnings=feed.warnings,
            **_asides(feed, language),
        )
        for item in feed.institutions:
            yield from _institution(item, feed, language)
    if sender.sharing is not None:
        yield text("status_sharing", language, text=_joined(_shares(sender.sharing, language), language))


def _asides(item: "FeedStatus | InstitutionStatus", language: str) -> dict[str, str]:
    """How many files came to nothing and how many records count no more, said only where there are some."""
    return {
        "whole": text("status_whole", language, count=item.refused_files) if item.refused_files else "",
        "replaced": text("status_replaced", language, count=item.replaced) if item.replaced else "",
    }


def _institution(item: "InstitutionStatus", feed: "FeedStatus", language: str) -> Iterator[str]:
    """Only what the line of the feed does not say already: several institutions, one that is missing, what to mend."""
    if item.state == "missing":
        yield text("status_institution_missing", language, institution=item.institution)
        return
    if item.state != "unread" and item.institution and len(feed.institutions) > 1:
        counts = {"files": item.files, "records": item.records, "refused": item.refused_records}
        words = {"institution": item.institution, "warnings": item.warnings, **_asides(item, language)}
        yield text("status_institution", language, **words, **counts)
    for reason in item.reasons:
        yield text("status_reason", language, reason=reason[language])
    for notice in item.notices:
        yield text("status_notice", language, notice=notice[language])
    for remark in item.remarks:
        yield text("status_remark", language, remark=remark[language])
    if item.fix_list is not None and _is_to_mend(item):
        yield text("status_fix_list", language, path=item.fix_list)


def _is_to_mend(item: "InstitutionStatus") -> bool:
    """Whether its sender has to send something again."""
    return bool(item.reasons or item.notices or item.refused_records)


def _shares(row: dict[str, Any], language: str) -> Iterator[str]:
    yield text("status_share_feeds", language, delivered=row["delivered_feeds"], expected=row["expected_feeds"])
    yield text("status_share_made", language, made=row["deliveries"], expected=row["expected_deliveries"])
    if row["timed_deliveries"]:
        counts = {"on_time": row["deliveries_on_time"], "timed": row["timed_deliveries"]}
        yield text("status_share_time", language, **counts)
    if row["person_records"]:
        counts = {"linked": row["linked_records"], "records": row["person_records"]}
        yield text("status_share_linked", language, **counts, share=f"{row['linked_pct']:.2f}%")


def _files(status: "Status", language: str) -> Iterator[str]:
    if status.waiting:
        yield text("status_waiting", language, count=len(status.waiting))
        for file in status.waiting[:_SHOWN]:
            if file.problem is None:
                yield text("status_waiting_file", language, name=file.name, period=file.period)
            else:
                yield text("status_waiting_problem", language, name=file.name, problem=file.problem[language])
        yield from _more(len(status.waiting), language)
    above = sum(feed.refused_files for sender in status.senders for feed in sender.feeds)
    if status.refused or above:
        told = text("status_refused_above", language, count=above) if above else ""
        yield text("status_refused", language, count=len(status.refused) + above, above=told)
        for item in status.refused[:_SHOWN]:
            yield text("status_refused_file", language, name=item.name, reason=item.reason[language])
        yield from _more(len(status.refused), language)


def _more(count: int, language: str) -> Iterator[str]:
    if count > _SHOWN:
        yield text("status_more", language, count=count - _SHOWN)


def next_steps(status: "Status", home: Path) -> list[dict[str, str]]:
    """What to do, the most pressing first, in both languages; never empty."""
    feeds = [(sender, feed) for sender in status.senders for feed in sender.feeds]
    steps = [*_release_steps(status, home, came=any(feed.files for _, feed in feeds))]
    steps += stale_steps(status.stale, home)
    if status.refused:
        steps.append(both("status_do_refused", count=len(status.refused)))
    listed = sorted(
        (
            (not item.reasons, -(item.refused_records or 0), number, _named(sender, feed, item.institution))
            for number, (sender, feed) in enumerate(feeds)
            for item in feed.institutions
            if item.fix_list is not None and _is_to_mend(item)
        ),
        key=lambda entry: entry[:3],
    )
    if listed:
        steps.append(both("status_do_fix", count=len(listed), names=_both_joined([entry[3] for entry in listed])))
    for sender in status.senders:
        late = [feed.titles for feed in sender.feeds if feed.state == "late"]
        if late:
            steps.append(both("status_do_remind", sender=sender.titles, feeds=_both_joined(late)))
    unheard = [
        _named(sender, feed, item.institution) for sender, feed in feeds for item in feed.institutions if item.notices
    ]
    if unheard:
        steps.append(both("status_do_unheard", names=_both_joined(unheard)))
    gone = [
        _named(sender, feed, item.institution)
        for sender, feed in feeds
        for item in feed.institutions
        if item.state == "missing"
    ]
    if gone:
        steps.append(both("status_do_missing", names=_both_joined(gone)))
    if status.unusual:
        steps.append(both("status_do_unusual"))
    ahead = [feed for _, feed in feeds if feed.state == "not_due"]
    if ahead:
        due = min(feed.due for feed in ahead)
        names = _both_joined([feed.titles for feed in ahead if feed.due == due])
        steps.append(both("status_do_wait", due=due, feeds=names))
    return steps or [both("status_do_nothing")]


def _release_steps(status: "Status", home: Path, *, came: bool) -> Iterator[dict[str, str]]:
    if status.candidate is not None:
        sentence = "status_do_decide" if status.approvals_missing else "status_do_publish"
        yield both(sentence, release=home / "releases" / status.candidate)
    elif status.waiting or (not status.release_is_current and came):
        yield both("status_do_run", home=home, period=status.period)


def _named(sender: "SenderStatus", feed: "FeedStatus", institution: str) -> dict[str, str]:
    return {
        language: " ".join(filter(None, (sender.titles[language], feed.titles[language], institution)))
        for language in LANGUAGES
    }


def _both_joined(names: Sequence[dict[str, str]]) -> dict[str, str]:
    """The first few names in both languages."""
    cut = " …" if len(names) > _NAMED else ""
    return {language: _joined([name[language] for name in names[:_NAMED]], language) + cut for language in LANGUAGES}


def _joined(items: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(items)
