-- Encounters of the period with the level of the institution and what is known of the patient.
--   Each hospital numbers its own encounters: one is known by institution and number.
--   Category: the first three characters of the principal diagnosis, the first letter large, so that extensions such
--   as I10.x00x002 do not matter; the subcategory is the character after them, past a point where there is one.
--   Level: not known where the register of institutions lacks the institution.
--   On a chronic register: at the end of the period of the encounter.
select
    e.period,
    e.institution_code,
    e.encounter_no,
    e.person_id,
    e.area_id,
    e.sex,
    e.age_band,
    e.encounter_class,
    e.admission_route,
    upper(left(e.diagnosis_code, 3)) as diagnosis_category,
    nullif(
        case
            when substring(e.diagnosis_code, 4, 1) = '.' then substring(e.diagnosis_code, 5, 1)
            else substring(e.diagnosis_code, 4, 1)
        end, ''
    ) as diagnosis_subcategory,
    i.institution_level,
    coalesce(r.is_hypertension_registered, false)
    or coalesce(r.is_diabetes_registered, false)
    or coalesce(r.is_dyslipidaemia_registered, false) as is_chronic_registered
from mart__hospitals__encounters as e
left join mart__health_bureau__institutions as i on i.institution_code = e.institution_code
left join mart__residents as r on r.person_id = e.person_id
