// What the app asks. relay-compiler takes the texts out of it and leaves ids.
graphql`
  query ShopAppCatalogueQuery($first: Int!) {
    productSearch(query: "lamp", first: $first) {
      nodes {
        ...ShopAppTile_product
      }
    }
  }
`;

graphql`
  fragment ShopAppTile_product on Product {
    title
    variants {
      sku
      availability {
        available
      }
    }
  }
`;

graphql`
  subscription ShopAppStockSubscription($sku: String!) {
    productAvailability(sku: $sku) {
      sku
      available
    }
  }
`;
