-- Encounters of the period with the level of the institution and what is known of the patient.
--   Related: principal diagnosis among hypertensive disease I10–I13, ischaemic heart disease I20–I25, cerebrovascular
--   disease I60–I69, diabetes with complications E10–E14 other than .9 (without), chronic kidney disease N18.
--   Primary: the institution is one of primary care; unknown where the register of institutions lacks it.
select
    e.period,
    e.encounter_no,
    e.person_id,
    e.area_id,
    e.sex,
    e.age_band,
    e.encounter_class,
    e.admission_route,
    i.institution_level,
    coalesce(
        left(e.diagnosis_code, 3) in (
            'I10', 'I11', 'I12', 'I13', 'I20', 'I21', 'I22', 'I23', 'I24', 'I25', 'I60', 'I61', 'I62', 'I63', 'I64',
            'I65', 'I66', 'I67', 'I68', 'I69', 'N18'
        )
        or (left(e.diagnosis_code, 3) in ('E10', 'E11', 'E12', 'E13', 'E14') and substring(e.diagnosis_code, 5, 1) <> '9'),
        false
    ) as is_related,
    coalesce(r.is_hypertension_registered, false)
    or coalesce(r.is_diabetes_registered, false)
    or coalesce(r.is_dyslipidaemia_registered, false) as is_chronic_registered
from mart__hospitals__encounters as e
left join mart__health_bureau__institutions as i on i.institution_code = e.institution_code
left join mart__residents as r on r.person_id = e.person_id
