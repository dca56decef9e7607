select first_value_of_something + second_value_of_something + third_value_of_something * fourth_value_of_something - fifth as total,
case when kind_of_thing = 'a' then 1 when kind_of_thing = 'b' and other_kind_of_thing is distinct from 'something else entirely' then 2 else 3 end as rank_of_thing,
case when x then 1 end as flag,
some_function(first_argument => 'a long text to fill the line', second_argument => 'another long text to fill it', third := 3) as called,
code in ('a01','a02','a03','a04','a05','a06','a07','a08','a09','a10','a11','a12','a13','a14','a15','a16','a17','a18','a19') as listed
from read_csv(['raw/one/*.csv','raw/two/*.csv'], header=true, columns={'id':'INTEGER','name':'VARCHAR','at':'TIMESTAMP','amount':'DECIMAL(10,2)'}, dateformat='%Y-%m-%d')
pivot (sum(amount) for kind in ('a','b') group by id)
