-- Care of every registered chronic patient in the year to date, per condition and rule set (口径).
--   Conditions: hypertension, diabetes (type 2), dyslipidaemia; one row for each that a person is registered with,
--   from the age of the rule set on. A condition whose follow-ups did not arrive in the period has no row.
--   Managed: at least one follow-up of any mode in the year to date or, where the rule set says so, one complete
--   examination.
--   Specification follow-up: in a mode the rule set accepts, with every reading, of a test the rule set accepts.
--   Controlled: the last specification follow-up of the year to date is below the targets; who has none is not
--   controlled. From the elderly age on, reached at the end of the period, the pressure targets for the elderly hold.
--   Managed to specification: as many specification follow-ups as are due by now, never more than the rule set asks
--   in a year for the condition, and the yearly examination where the year ends; not known where the rule set asks for
--   examinations and none arrived, nor while the year is too young for a follow-up to be due of anybody. Due by
--   completed quarters: one for each quarter that has ended since the quarter of registration, that quarter included.
--   Due by elapsed days: one for every whole span of days since registration, that day included. Who was registered
--   before this year, or on a day that is not known, is counted from its first day.
--   Followed in the period: a specification follow-up dated within the period itself.
--   What the year to date shows is not known where a period of the year lacks the follow-ups of the condition;
--   management is not known either where it lacks examinations and the rule set manages by them.
--   The last visit is told by date, then number, then what it measured, so that equal ones have equal readings. A test
--   that it does not name stays unnamed: max_by passes over nulls and would take the test of an earlier visit.
-- The rows are all registered patients, so that each indicator chooses its denominator by a flag.
with registered as (
    select
        period, person_id, area_id, sex, age_years, age_band, 'hypertension' as condition,
        hypertension_registered_on as registered_on
    from mart__residents
    where is_hypertension_registered
    union all
    select
        period, person_id, area_id, sex, age_years, age_band, 'diabetes' as condition,
        diabetes_registered_on as registered_on
    from mart__residents
    where is_diabetes_registered
    union all
    select
        period, person_id, area_id, sex, age_years, age_band, 'dyslipidaemia' as condition,
        dyslipidaemia_registered_on as registered_on
    from mart__residents
    where is_dyslipidaemia_registered
),
patients as (
    select
        r.*,
        case
            when r.registered_on is null or r.registered_on < p.year_start then p.year_start
            else r.registered_on
        end as counted_from
    from registered as r
    inner join ref__arrived as a on a.feed = 'health_bureau.followups_' || r.condition
    cross join ref__period as p
),
readings as (
    select
        'hypertension' as condition, person_id, event_date, followup_no, visit_mode,
        'pressure' as test, cast(sbp_mmhg as decimal(10, 1)) as reading, cast(dbp_mmhg as decimal(10, 1)) as second_reading
    from mart__health_bureau__followups_hypertension
    union all
    select
        'diabetes' as condition, person_id, event_date, followup_no, visit_mode,
        glucose_test as test, cast(glucose_mmol_l as decimal(10, 1)) as reading, cast(0 as decimal(10, 1)) as second_reading
    from mart__health_bureau__followups_diabetes
    union all
    select
        'dyslipidaemia' as condition, person_id, event_date, followup_no, visit_mode,
        'ldl' as test, cast(ldl_mmol_l as decimal(10, 1)) as reading, cast(0 as decimal(10, 1)) as second_reading
    from mart__health_bureau__followups_dyslipidaemia
),
visits as (
    select
        v.*,
        case when v.event_date >= p.period_start then 1 else 0 end as is_in_period,
        cast(v.event_date as varchar) || ' ' || v.followup_no || ' ' || coalesce(v.test, '')
        || coalesce(cast(v.reading as varchar), '') || ' ' || coalesce(cast(v.second_reading as varchar), '') as place
    from readings as v
    cross join ref__period as p
    where v.person_id is not null and v.event_date >= p.year_start and v.event_date <= p.period_end
),
visited as (
    select distinct condition, person_id
    from visits
),
to_specification as (
    select
        s.rule_set, v.condition, v.person_id, v.test, v.reading, v.second_reading, v.is_in_period, v.place
    from visits as v
    cross join ref__rule_sets as s
    where
        (s.any_visit_mode = 1 or v.visit_mode in ('outpatient', 'home'))
        and (s.any_glucose_test = 1 or v.condition <> 'diabetes' or v.test = 'fasting')
        and v.reading is not null
        and v.second_reading is not null
),
counted as (
    select
        rule_set, condition, person_id, count(*) as visits, max(is_in_period) as is_followed_in_period,
        max_by(coalesce(test, ''), place) as test, max_by(reading, place) as reading,
        max_by(second_reading, place) as second_reading
    from to_specification
    group by rule_set, condition, person_id
),
examined as (
    select distinct x.person_id
    from mart__health_bureau__exams as x
    cross join ref__period as p
    where x.person_id is not null and x.is_complete and x.event_date >= p.year_start and x.event_date <= p.period_end
),
due as (
    select
        r.*,
        s.*,
        case
            when r.condition = 'hypertension' then s.visits_per_year_hypertension
            when r.condition = 'diabetes' then s.visits_per_year_diabetes
            else s.visits_per_year_dyslipidaemia
        end as visits_per_year,
        (s.visits_due_by = 'completed_quarters' and p.quarters_completed >= 1)
        or (s.visits_due_by = 'elapsed_days' and datediff('day', p.year_start, p.period_end) + 1 >= s.days_per_visit)
        as is_year_judged,
        s.exam_at_year_end = 0 or not p.year_ends or (a.feed is not null and i.feed is null) as is_exam_known,
        f.feed is null as is_year_known,
        f.feed is null and (s.managed_by_exam = 0 or i.feed is null) as is_management_known,
        s.exam_at_year_end = 1 and p.year_ends as is_exam_due,
        p.quarters_completed - case
            when extract(month from r.counted_from) >= 10 then 3
            when extract(month from r.counted_from) >= 7 then 2
            when extract(month from r.counted_from) >= 4 then 1
            else 0
        end as quarters_due,
        datediff('day', r.counted_from, p.period_end) + 1 as days_elapsed
    from patients as r
    cross join ref__rule_sets as s
    cross join ref__period as p
    left join ref__arrived as a on a.feed = 'health_bureau.exams'
    left join ref__incomplete as i on i.feed = 'health_bureau.exams'
    left join ref__incomplete as f on f.feed = 'health_bureau.followups_' || r.condition
    where r.age_years is null or r.age_years >= s.patient_age_years
),
judged as (
    select
        d.*,
        c.visits,
        c.test,
        c.reading,
        c.second_reading,
        v.person_id is not null or (d.managed_by_exam = 1 and x.person_id is not null) as is_managed,
        coalesce(c.visits, 0) >= d.visits_per_year
        or (d.visits_due_by = 'completed_quarters' and coalesce(c.visits, 0) >= d.quarters_due)
        or (d.visits_due_by = 'elapsed_days' and (coalesce(c.visits, 0) + 1) * d.days_per_visit > d.days_elapsed)
        as is_visited_enough,
        x.person_id is not null as is_examined,
        coalesce(c.is_followed_in_period, 0) = 1 as is_followed_in_period
    from due as d
    left join visited as v on v.condition = d.condition and v.person_id = d.person_id
    left join counted as c on c.rule_set = d.rule_set and c.condition = d.condition and c.person_id = d.person_id
    left join examined as x on x.person_id = d.person_id
)
select
    d.period,
    d.rule_set,
    d.condition,
    d.person_id,
    d.area_id,
    d.sex,
    d.age_band,
    case when d.is_management_known then d.is_managed end as is_managed,
    case
        when d.is_management_known and d.is_year_judged and d.is_exam_known
            then d.is_managed and d.is_visited_enough and (d.is_examined or not d.is_exam_due)
    end as is_managed_to_specification,
    case
        when not d.is_year_known then null
        when d.visits is null then false
        when d.condition = 'hypertension' and d.age_years >= d.elderly_age_years
            then d.reading < d.sbp_target_elderly_mmhg and d.second_reading < d.dbp_target_elderly_mmhg
        when d.condition = 'hypertension'
            then d.reading < d.sbp_target_mmhg and d.second_reading < d.dbp_target_mmhg
        when d.condition = 'diabetes' and d.test in ('random', 'postprandial')
            then d.reading * 10 < d.glucose_after_meal_target_tenths
        when d.condition = 'diabetes' then d.reading * 10 < d.glucose_target_tenths
        else d.reading * 10 < d.ldl_target_tenths
    end as is_controlled,
    d.is_followed_in_period
from judged as d
