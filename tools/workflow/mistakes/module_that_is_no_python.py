class Price
    pass
