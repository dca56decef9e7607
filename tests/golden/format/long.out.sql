SELECT
    first_value_of_something
        + second_value_of_something
        + third_value_of_something * fourth_value_of_something
        - fifth AS total,
    CASE
        WHEN kind_of_thing = 'a'
            THEN 1
        WHEN kind_of_thing = 'b'
            AND other_kind_of_thing IS DISTINCT FROM 'something else entirely'
            THEN 2
        ELSE 3
    END AS rank_of_thing,
    CASE WHEN x THEN 1 END AS flag,
    some_function(
        first_argument => 'a long text to fill the line',
        second_argument => 'another long text to fill it',
        third := 3
    ) AS called,
    code IN (
        'a01', 'a02', 'a03', 'a04', 'a05', 'a06', 'a07', 'a08', 'a09', 'a10', 'a11', 'a12', 'a13', 'a14', 'a15', 'a16',
        'a17', 'a18', 'a19'
    ) AS listed
FROM read_csv(
    ['raw/one/*.csv', 'raw/two/*.csv'],
    header = true,
    columns = {
        'id': 'INTEGER',
        'name': 'VARCHAR',
        'at': 'TIMESTAMP',
        'amount': 'DECIMAL(10,2)'
    },
    dateformat = '%Y-%m-%d'
)
PIVOT (sum(amount) FOR kind IN ('a', 'b') GROUP BY id)
