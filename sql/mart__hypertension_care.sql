-- Care of every registered hypertension patient in the year to date, per rule set (口径).
--   Managed: at least one follow-up of any mode in the year to date.
--   Specification follow-up: face to face (outpatient or home) with both readings.
--   Controlled: the last specification follow-up of the year to date is below both targets; who has none is not
--   controlled. From the elderly age on, reached at the end of the period, the targets for the elderly hold.
--   Followed in the period: a specification follow-up dated within the period itself.
-- The rows are all registered patients, so that each indicator chooses its denominator by a flag.
with visits as (
    select
        v.person_id,
        v.event_date,
        v.followup_no,
        v.sbp_mmhg,
        v.dbp_mmhg,
        case
            when v.visit_mode in ('outpatient', 'home') and v.sbp_mmhg is not null and v.dbp_mmhg is not null then 1
            else 0
        end as is_specification,
        case when v.event_date >= p.period_start then 1 else 0 end as is_in_period
    from mart__health_bureau__followups_hypertension as v
    cross join ref__period as p
    where v.person_id is not null and v.event_date >= p.year_start and v.event_date <= p.period_end
),
managed as (
    select person_id, max(is_specification * is_in_period) as is_followed_in_period
    from visits
    group by person_id
),
numbered as (
    select
        person_id,
        sbp_mmhg,
        dbp_mmhg,
        row_number() over (partition by person_id order by event_date desc, followup_no desc) as place
    from visits
    where is_specification = 1
)
select
    r.period,
    s.rule_set,
    r.person_id,
    r.area_id,
    r.sex,
    r.age_band,
    m.person_id is not null as is_managed,
    case
        when n.person_id is null then false
        when r.age_years >= s.elderly_age_years
            then n.sbp_mmhg < s.sbp_target_elderly_mmhg and n.dbp_mmhg < s.dbp_target_elderly_mmhg
        else n.sbp_mmhg < s.sbp_target_mmhg and n.dbp_mmhg < s.dbp_target_mmhg
    end as is_controlled,
    coalesce(m.is_followed_in_period, 0) = 1 as is_followed_in_period
from mart__residents as r
cross join ref__rule_sets as s
left join managed as m on m.person_id = r.person_id
left join numbered as n on n.person_id = r.person_id and n.place = 1
where r.is_hypertension_registered
