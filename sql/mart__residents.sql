-- Residents with an archive in use at the end of the period, one row per person: the latest archive decides.
-- Age in completed years at the end of the period.
with archives as (
    select
        l.person_id,
        r.community_id,
        r.sex,
        r.birth_date,
        r.is_hypertension_registered,
        r.is_diabetes_registered,
        r.is_dyslipidaemia_registered,
        r.hypertension_registered_on,
        r.diabetes_registered_on,
        r.dyslipidaemia_registered_on,
        row_number() over (
            partition by l.person_id
            order by r.event_date desc nulls last, r.file_id, r.record_no
        ) as place
    from stg_health_bureau__residents as r
    inner join link__persons as l on l.person_key = r.person_key
    where r.archive_status = 'active'
),
aged as (
    select
        p.period,
        a.person_id,
        a.community_id as area_id,
        a.sex,
        a.birth_date,
        extract(year from p.period_end) - extract(year from a.birth_date)
        - case
            when extract(month from a.birth_date) * 100 + extract(day from a.birth_date)
                > extract(month from p.period_end) * 100 + extract(day from p.period_end)
                then 1
            else 0
        end as age_years,
        a.is_hypertension_registered,
        a.is_diabetes_registered,
        a.is_dyslipidaemia_registered,
        a.hypertension_registered_on,
        a.diabetes_registered_on,
        a.dyslipidaemia_registered_on
    from archives as a
    cross join ref__period as p
    where a.place = 1
)
select
    period,
    person_id,
    area_id,
    sex,
    birth_date,
    age_years,
    case
        when age_years >= 65 then '65+'
        when age_years >= 35 then '35-64'
        when age_years >= 15 then '15-34'
        when age_years >= 0 then '0-14'
    end as age_band,
    is_hypertension_registered,
    is_diabetes_registered,
    is_dyslipidaemia_registered,
    hypertension_registered_on,
    diabetes_registered_on,
    dyslipidaemia_registered_on
from aged
