-- Persons with a record of service after they were known dead, by feed and institution, and of each feed as a whole.
--   ref__contacts: every event of the period with its feed, institution, person and the days by which it may be late.
--   ref__deaths: person and day of death, or the last day on which the person can have lived.
with seen as (
    select
        c.feed,
        c.institution,
        c.person_id,
        max(
            case when d.died_on is not null and date_diff('day', d.died_on, c.event_date) > c.days_allowed then 1 else 0 end
        ) as is_late
    from ref__contacts as c
    left join (select person_id, min(died_on) as died_on from ref__deaths group by person_id) as d
        on d.person_id = c.person_id
    where c.person_id is not null
    group by c.feed, c.institution, c.person_id
),
whole as (
    select feed, person_id, max(is_late) as is_late from seen group by feed, person_id
)
select
    'no_contact_after_death' as expectation,
    feed,
    institution,
    cast(null as varchar) as area_level,
    cast(null as varchar) as area_id,
    cast(sum(is_late) as bigint) as matched,
    count(*) as base
from seen
where institution is not null
group by feed, institution
union all
select
    'no_contact_after_death',
    feed,
    cast(null as varchar),
    cast(null as varchar),
    cast(null as varchar),
    cast(sum(is_late) as bigint),
    count(*)
from whole
group by feed
