-- Who a pseudonym is. Pseudonyms are keyed hashes of the canonical identifier, so one pseudonym is one person;
-- the class says by which form of identifier the person was found (18 digits before 15).
with known as (
    select
        person_key,
        min(case person_id_class when 'id18' then 1 when 'id15' then 2 else 3 end) as best_class,
        max(in_register) as in_register
    from ref__person_keys
    where person_key is not null
    group by person_key
)
select
    p.period,
    k.person_key,
    k.person_key as person_id,
    case k.best_class
        when 1 then 'id18'
        when 2 then 'id15'
        else 'opaque'
    end as match_class,
    k.in_register = 1 as in_register
from known as k
cross join ref__period as p
