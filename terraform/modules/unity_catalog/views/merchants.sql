SELECT merchant, transactions, customers, female_customers, male_customers, transactions_percentile, weight_percentile, line
FROM (SELECT *, row_number() OVER (PARTITION BY merchant ORDER BY line DESC) AS age FROM ${table})
WHERE age = 1
