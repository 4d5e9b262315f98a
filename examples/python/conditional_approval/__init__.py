"""A request is approved by whom its amount calls for: nobody, a manager, or manager and finance."""
