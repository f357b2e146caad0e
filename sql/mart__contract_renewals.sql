-- Contracts whose days of grace ran out in the year to date, per rule set: whether the person has signed a later
-- contract, one that ends later, no later than the days of grace after the last day of the first.
--   A contract is judged once, in the year of the last day of its grace; so the feed must hold contracts that ended as
--   many days before 1 January as the longest grace.
-- A contract dissolved before its last day did not run out and is not asked for. A later contract that was dissolved on
-- the day it was signed was never in force and renews nothing; dissolved after that, it renewed the first all the same.
-- Contracts of unknown persons are not followed.
with contracts as (
    select contract_no, person_id, area_id, sex, age_band, signed_on, ends_on, ended_on
    from mart__health_bureau__contracts
    where person_id is not null
),
expired as (
    select p.period, s.rule_set, s.renewal_grace_days, c.*
    from contracts as c
    cross join ref__rule_sets as s
    cross join ref__period as p
    where
        (c.ended_on is null or c.ended_on >= c.ends_on)
        and datediff('day', c.ends_on, p.year_start) <= s.renewal_grace_days
        and datediff('day', c.ends_on, p.period_end) >= s.renewal_grace_days
)
select
    e.period,
    e.rule_set,
    e.contract_no,
    e.person_id,
    e.area_id,
    e.sex,
    e.age_band,
    exists (
        select 1
        from contracts as n
        where
            n.person_id = e.person_id
            and n.signed_on > e.signed_on
            and n.ends_on > e.ends_on
            and (n.ended_on is null or n.ended_on > n.signed_on)
            and datediff('day', e.ends_on, n.signed_on) <= e.renewal_grace_days
    ) as is_renewed
from expired as e
