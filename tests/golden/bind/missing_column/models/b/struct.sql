SELECT {'a': 1}.b AS x
